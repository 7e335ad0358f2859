//! `progress.json`: written again and again, and cheap each time.
//!
//! Two files take turns. The hidden one is written from its beginning, and then they exchange names
//! (`RENAME_EXCHANGE` of renameat2(2)): a reader finds the old content or the new, also after a kill at any
//! point, and no file is made or removed. A rename over the old file would cost more than its inode:
//! ext4 starts to write the new data to the disk then (`auto_da_alloc` of ext4(5)), 0.2 to 2 ms instead
//! of 6 us.
//!
//! A reader that opened the file before two later writes sees the second one happen. The content ends
//! with a checksum, so that it can tell and look again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::files;
use crate::job::progress::Progress;

/// What readers find. Nothing touches the job's directory when it is renamed into place, as something does once
/// all else is true: whoever waits for news must look then.
pub const NAME: &str = "progress.json";
/// A progress file is small; what is larger was not written by us.
const MOST_BYTES: u64 = 64 << 10;
/// A reader that meets so many writers in a row goes without.
const LOOKS: usize = 5;
/// What stands before the checksum. Inside a JSON text its quotes would be escaped.
const SUM: &[u8] = b",\"sum\":\"";

/// The writer of one job's progress.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
    hidden_path: PathBuf,
    shown: Option<Written>,
    hidden: Option<Written>,
    /// Whether this file system can exchange two names.
    exchanges: bool,
}

#[derive(Debug)]
struct Written {
    file: File,
    bytes: usize,
}

impl ProgressFile {
    /// Progress at `path`; `hidden` is a name beside it. Nothing is opened before something is written.
    pub fn new(path: PathBuf, hidden: PathBuf) -> Self {
        ProgressFile {
            path,
            hidden_path: hidden,
            shown: None,
            hidden: None,
            exchanges: true,
        }
    }

    /// Replaces what readers find. After a crash of the machine they may find neither.
    ///
    /// # Errors
    /// When it cannot be written; then the old content stays.
    pub fn write(&mut self, progress: &Progress) -> io::Result<()> {
        let text = encode(progress)?;
        if self.exchanges && self.shown.is_some() && self.exchange(&text)? {
            return Ok(());
        }
        (self.shown, self.hidden) = (None, None);
        let written = Written::create(&self.hidden_path, &text)?;
        fs::rename(&self.hidden_path, &self.path)?;
        self.shown = Some(written);
        Ok(())
    }

    /// Writes the hidden file and shows it; false where that cannot be done so.
    fn exchange(&mut self, text: &[u8]) -> io::Result<bool> {
        let next = match self.hidden.take() {
            Some(mut written) => {
                written.overwrite(text)?;
                written
            }
            None => Written::create(&self.hidden_path, text)?,
        };
        match renameat_with(
            CWD,
            &self.hidden_path,
            CWD,
            &self.path,
            RenameFlags::EXCHANGE,
        ) {
            Ok(()) => {
                self.hidden = self.shown.replace(next);
                Ok(true)
            }
            // Somebody has removed one of the two.
            Err(Errno::NOENT) => Ok(false),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.exchanges = false;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Written {
    fn create(path: &Path, text: &[u8]) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        file.write_all(text)?;
        Ok(Written {
            file,
            bytes: text.len(),
        })
    }

    /// A shorter text ends with blanks: cutting a file costs more, and JSON allows them.
    fn overwrite(&mut self, text: &[u8]) -> io::Result<()> {
        let mut padded = text.to_vec();
        padded.resize(text.len().max(self.bytes), b' ');
        self.file.write_all_at(&padded, 0)?;
        self.bytes = padded.len();
        Ok(())
    }
}

/// What a job last said; nothing if it never did, or if what is there is no progress.
pub fn read(path: &Path) -> Option<Progress> {
    (0..LOOKS).find_map(|_| decode(&files::read_capped(path, MOST_BYTES).ok()?))
}

fn encode(progress: &Progress) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(progress)?;
    // The bracket that closes the object comes after the checksum.
    text.pop();
    let sum = sum(&text);
    text.extend_from_slice(SUM);
    text.extend_from_slice(sum.as_bytes());
    text.extend_from_slice(b"\"}");
    Ok(text)
}

/// Other programs need not know of the checksum.
fn decode(text: &[u8]) -> Option<Progress> {
    let text = text.trim_ascii_end();
    if let Some(at) = text.windows(SUM.len()).rposition(|part| part == SUM) {
        let told = text[at + SUM.len()..].strip_suffix(b"\"}")?;
        if told != sum(&text[..at]).as_bytes() {
            return None;
        }
    }
    serde_json::from_slice(text).ok()
}

/// The first 8 bytes of SHA-256 in hex: against accidents, not against attackers.
fn sum(text: &[u8]) -> String {
    let hash = Sha256::digest(text);
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn said(message: &str) -> Progress {
        Progress {
            attempt: 1,
            nonce: "n".into(),
            message: Some(message.into()),
            ..Progress::default()
        }
    }

    fn file(dir: &Path) -> ProgressFile {
        ProgressFile::new(dir.join("progress.json"), dir.join("hidden"))
    }

    #[test]
    fn any_number_of_writes_take_two_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        let mut writer = file(dir.path());
        assert_eq!(read(&path), None);
        let mut inodes = std::collections::BTreeSet::new();
        for n in 0..50 {
            // Longer and shorter than what stood there.
            let now = said(&"x".repeat(n * 37 % 101));
            writer.write(&now).unwrap();
            assert_eq!(read(&path), Some(now));
            let whole: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(whole["attempt"], 1, "it stays a JSON object");
            let meta = fs::metadata(&path).unwrap();
            assert_eq!(meta.permissions().mode() & 0o777, 0o600);
            inodes.insert(meta.ino());
        }
        assert_eq!(inodes.len(), 2, "no file is made for a write");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_somebody_removed_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        let mut writer = file(dir.path());
        for removed in ["progress.json", "hidden"] {
            (0..3).for_each(|_| writer.write(&said("before")).unwrap());
            fs::remove_file(dir.path().join(removed)).unwrap();
            for n in 0..3 {
                writer.write(&said(&n.to_string())).unwrap();
                assert_eq!(read(&path), Some(said(&n.to_string())), "without {removed}");
            }
        }
    }

    #[test]
    fn a_file_system_without_exchange_gets_a_rename() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = file(dir.path());
        writer.exchanges = false;
        for n in 0..3 {
            writer.write(&said(&n.to_string())).unwrap();
            assert_eq!(
                read(&dir.path().join("progress.json")),
                Some(said(&n.to_string()))
            );
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_never_takes_a_mixture_of_two_writes() {
        let old = encode(&said("first")).unwrap();
        let new = encode(&said("other")).unwrap();
        assert_eq!(old.len(), new.len());
        for cut in 0..=old.len() {
            let mixture = [&new[..cut], &old[cut..]].concat();
            let taken = decode(&mixture);
            let whole = mixture == old || mixture == new;
            assert_eq!(
                taken.is_some(),
                whole,
                "{}",
                String::from_utf8_lossy(&mixture)
            );
        }
    }

    #[test]
    fn readers_beside_a_fast_writer_see_every_time_something_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        let mut writer = file(dir.path());
        writer.write(&said("0")).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0u32;
                while last < 20_000 {
                    let message = read(&path).and_then(|progress| progress.message);
                    // Blanks and all: a mixture would be another text.
                    let Some(now) =
                        message.and_then(|text| text.trim_end_matches('.').parse().ok())
                    else {
                        continue;
                    };
                    // Who opened the file before may see what is shown only a moment later.
                    assert!(now + 1 >= last, "{now} after {last}");
                    last = now;
                }
            });
            for n in 1..=20_000u32 {
                let dots = ".".repeat(n as usize % 300);
                writer.write(&said(&format!("{n}{dots}"))).unwrap();
            }
            reader.join().unwrap();
        });
    }

    #[test]
    fn what_another_program_wrote_needs_no_checksum() {
        let text = br#"{"attempt":1,"nonce":"n","at_ms":0,"message":",\"sum\":\""}"#;
        assert_eq!(decode(text), Some(said(",\"sum\":\"")));
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"{"), None);
    }
}
