//! Who a request is from: bearer tokens (RFC 6750), kept as their hashes.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::job::request::Owner;
use crate::store::files;
use crate::sys::{host, random_bytes};

/// What guessing would have to beat: 32 letters of a random token are 128 bits at least.
const SHORTEST: usize = 32;
const LONGEST: usize = 4096;
const FILE_BYTES: u64 = 1 << 20;
const HASHED: &str = "sha256:";

type Hash = [u8; 32];

/// Tokens and whose they are.
#[derive(Clone, Default)]
pub struct Tokens {
    known: Vec<(Hash, Owner)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("known", &self.known.len())
            .finish()
    }
}

impl Tokens {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A new token of 256 random bits for the local user, in hex.
    pub fn generate(&mut self) -> String {
        let token: String = random_bytes::<32>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.known.push((hash(&token), Owner::local()));
        token
    }

    /// Adds the token of `owner`: the text itself, or `sha256:` and the SHA-256 of it in hex.
    ///
    /// # Errors
    /// `invalid_argument` for a token that is short, has characters that no header may have, or is
    /// another owner's already.
    pub fn add(&mut self, owner: Owner, token: &str) -> Result<()> {
        let hash = match token.strip_prefix(HASHED) {
            Some(hex) => {
                from_hex(hex).ok_or_else(|| refuse("a hash is `sha256:` and 64 hex digits"))?
            }
            None => {
                sound(token)?;
                hash(token)
            }
        };
        let other = self
            .known
            .iter()
            .any(|(known, whose)| *known == hash && *whose != owner);
        if other {
            return Err(refuse("two subjects have the same token"));
        }
        self.known.push((hash, owner));
        Ok(())
    }

    /// Adds the lines `subject = token` of a file; empty lines and such as begin with `#` are
    /// skipped. The subject `local` is the user of the command line.
    ///
    /// # Errors
    /// `invalid_argument` when the file cannot be read, is not the user's alone, or has a bad line;
    /// tokens are never repeated in it.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let shown = path.display();
        let text = read_private(path)
            .map_err(|why| refuse(format!("cannot use the token file {shown}: {why}")))?;
        let before = self.known.len();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let added = parse_line(line).and_then(|(owner, token)| self.add(owner, token));
            added.map_err(|error| {
                refuse(format!(
                    "line {number} of the token file {shown}: {}",
                    error.message
                ))
            })?;
        }
        if self.known.len() == before {
            return Err(refuse(format!("the token file {shown} has no tokens")));
        }
        Ok(())
    }

    /// Whose token this is. Every known one is compared, each in the same time whatever it is.
    pub fn owner_of(&self, token: &str) -> Option<&Owner> {
        let given = hash(token);
        self.known.iter().fold(None, |found, (known, owner)| {
            let same = equal(known, &given);
            if same { Some(owner) } else { found }
        })
    }
}

fn parse_line(line: &str) -> Result<(Owner, &str)> {
    let (subject, token) = line
        .split_once('=')
        .ok_or_else(|| refuse("it is not written as `subject = token`"))?;
    let owner = match subject.trim() {
        "local" => Owner::local(),
        subject => Owner::new(subject)?,
    };
    Ok((owner, token.trim()))
}

fn read_private(path: &Path) -> io::Result<String> {
    let file = files::open_anywhere(path)?;
    let meta = file.metadata()?;
    if meta.uid() != host::user() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other(
            "other users may read it; chmod 600 makes it yours alone",
        ));
    }
    let mut text = String::new();
    file.take(FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The characters of RFC 6750's `b64token`.
fn sound(token: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !token.bytes().all(plain) {
        return Err(refuse("a token has letters, digits and -._~+/= only"));
    }
    if !(SHORTEST..=LONGEST).contains(&token.len()) {
        return Err(refuse(format!(
            "a token has {SHORTEST} characters at least; `openssl rand -hex 32` makes one"
        )));
    }
    Ok(())
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, message)
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// Takes the same time wherever the two differ.
fn equal(one: &Hash, other: &Hash) -> bool {
    let differing = one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b));
    std::hint::black_box(differing) == 0
}

fn from_hex(hex: &str) -> Option<Hash> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ALICE: &str = "0123456789abcdef0123456789abcdef";
    const BOB: &str = "ffffffffffffffffffffffffffffffff";

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    fn read(text: &str) -> Result<Tokens> {
        let (_dir, path) = file(text, 0o600);
        let mut tokens = Tokens::default();
        tokens.add_file(&path).map(|()| tokens)
    }

    #[test]
    fn a_file_names_subjects_and_their_tokens() {
        let hashed = format!("sha256:{}", hash(BOB).map(|b| format!("{b:02X}")).concat());
        let tokens = read(&format!("# users\n\n alice = {ALICE}\nlocal={hashed}\n")).unwrap();
        assert_eq!(tokens.owner_of(ALICE).map(Owner::as_str), Some("alice"));
        assert_eq!(tokens.owner_of(BOB), Some(&Owner::local()));
        for wrong in ["", "alice", &ALICE[1..], &hashed, &format!("{ALICE}0")] {
            assert_eq!(tokens.owner_of(wrong), None, "{wrong}");
        }
        assert!(!format!("{tokens:?}").contains("alice"));
    }

    #[test]
    fn one_subject_may_have_several_tokens_but_none_is_shared() {
        assert!(read(&format!("a = {ALICE}\na = {BOB}\n")).is_ok());
        let error = read(&format!("a = {ALICE}\nb = {ALICE}\n")).unwrap_err();
        assert!(
            error.message.contains("line 2") && !error.message.contains(ALICE),
            "{error}"
        );
    }

    #[test]
    fn bad_lines_are_refused_without_repeating_the_token() {
        for line in [
            "alice",
            "alice = ",
            "alice = short",
            "= 0123456789abcdef0123456789abcdef",
            "alice = 0123456789abcdef 0123456789abcdef",
            "alice = \"0123456789abcdef0123456789abcdef\"",
            "alice = sha256:0123",
        ] {
            let error = read(line).unwrap_err();
            assert!(error.message.contains("line 1"), "{line}: {error}");
            assert!(
                !error.message.contains("0123456789abcdef"),
                "{line}: {error}"
            );
        }
        assert!(
            read("# nobody\n")
                .unwrap_err()
                .message
                .contains("no tokens")
        );
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_a_link_is_refused() {
        let text = format!("alice = {ALICE}\n");
        for mode in [0o640, 0o604, 0o644] {
            let (_dir, path) = file(&text, mode);
            let error = Tokens::default().add_file(&path).unwrap_err();
            assert!(error.message.contains("chmod 600"), "{error}");
        }
        let (dir, path) = file(&text, 0o600);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Tokens::default().add_file(&link).is_err());
        assert!(
            Tokens::default()
                .add_file(&dir.path().join("none"))
                .is_err()
        );
    }

    #[test]
    fn a_generated_token_is_256_bits_and_the_local_user_s() {
        let mut tokens = Tokens::default();
        let (one, other) = (tokens.generate(), tokens.generate());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
        assert_eq!(tokens.owner_of(&one), Some(&Owner::local()));
    }
}
