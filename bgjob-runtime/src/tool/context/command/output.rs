//! What a program left behind that ended well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::failure::{CommandError, What};
use crate::store::files;
use crate::tool::shape::error_at;

/// A larger results file is not read.
const LARGEST_FILE: u64 = 1 << 30;

/// A program that ended with status 0.
#[derive(Clone, Debug)]
pub struct Ran {
    pub(super) program: String,
    pub(super) dir: PathBuf,
    pub(super) elapsed: Duration,
    pub(super) stderr_tail: String,
}

impl Ran {
    /// How long it ran.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Reads a JSON file that the program has written; `path` is relative to its working directory.
    ///
    /// # Errors
    /// Where the file is not there, larger than 1 GiB, no JSON (RFC 8259; Python writes `NaN`, which is none), or
    /// does not fit `T`; the message says where.
    pub fn json_file<T: DeserializeOwned>(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<T, CommandError> {
        let path = path.as_ref();
        let shown = path.display();
        let bytes = match files::open_anywhere(&self.dir.join(path))
            .and_then(|file| files::capped(file, LARGEST_FILE))
        {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.unusable(format!(
                    "exited with status 0 but did not write `{shown}` in {}",
                    self.dir.display()
                )));
            }
            Err(error) => {
                return Err(self.unusable(format!("left `{shown}`, which cannot be read: {error}")));
            }
        };
        self.read(&bytes, format_args!("wrote `{shown}`"))
    }

    fn read<T: DeserializeOwned>(
        &self,
        bytes: &[u8],
        what: std::fmt::Arguments<'_>,
    ) -> Result<T, CommandError> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let at = error_at(error.path());
            let place = if at.is_empty() {
                String::new()
            } else {
                format!(" at `{at}`")
            };
            (place, error.into_inner())
        });
        let read = read.and_then(|value| {
            json.end()
                .map(|()| value)
                .map_err(|error| (String::new(), error))
        });
        read.map_err(|(place, error)| {
            let found = if error.is_data() {
                "not as expected"
            } else {
                "not JSON"
            };
            let hint = if has_nan(bytes) {
                "; JSON has no NaN or Infinity, so write null for them"
            } else {
                ""
            };
            self.unusable(format!("{what}, which is {found}{place}: {error}{hint}"))
        })
    }

    fn unusable(&self, why: String) -> CommandError {
        CommandError::new(
            &self.program,
            What::Unusable { why },
            self.stderr_tail.clone(),
        )
    }
}

/// Whether the words that Python writes for numbers that are none stand in it.
fn has_nan(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    ["NaN", "Infinity"].iter().any(|word| text.contains(word))
}

/// A program that ended with status 0, and what it wrote to standard output.
#[derive(Clone, Debug)]
pub struct Output {
    pub(super) ran: Ran,
    pub(super) stdout: Vec<u8>,
}

impl Output {
    /// What is there beside the output.
    pub fn ran(&self) -> &Ran {
        &self.ran
    }

    /// The output as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// The output as text, without the white space at its end.
    ///
    /// # Errors
    /// Where it is not UTF-8.
    pub fn text(&self) -> Result<&str, CommandError> {
        let text = std::str::from_utf8(&self.stdout).map(str::trim_end);
        text.map_err(|error| {
            self.ran.unusable(format!(
                "wrote something to standard output that is not UTF-8: {error}"
            ))
        })
    }

    /// The output as JSON: all of it is one document.
    ///
    /// # Errors
    /// Where it is no JSON, or does not fit `T`; the message says where.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CommandError> {
        let what = format_args!("wrote {} bytes to standard output", self.stdout.len());
        self.ran.read(&self.stdout, what)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn output(stdout: &[u8]) -> Output {
        let ran = Ran {
            program: "python3".to_owned(),
            dir: PathBuf::from("/nowhere"),
            elapsed: Duration::ZERO,
            stderr_tail: String::new(),
        };
        Output {
            ran,
            stdout: stdout.to_vec(),
        }
    }

    fn refusal<T: DeserializeOwned + std::fmt::Debug>(stdout: &str) -> String {
        output(stdout.as_bytes())
            .json::<T>()
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn json_and_text() {
        assert_eq!(
            output(b"{\"a\": 1}\n").json::<Value>().unwrap(),
            json!({"a": 1})
        );
        assert_eq!(output(b"3.11\n").text().unwrap(), "3.11");
        assert!(
            output(b"\xff")
                .text()
                .unwrap_err()
                .to_string()
                .contains("not UTF-8")
        );
    }

    #[test]
    fn what_is_not_the_expected_json_says_where() {
        assert!(refusal::<Value>("").contains("not JSON"));
        assert!(refusal::<Value>("{} {}").contains("not JSON"));
        let nan = refusal::<Value>("{\"ph\": NaN}");
        assert!(
            nan.contains("not JSON") && nan.contains("JSON has no NaN"),
            "{nan}"
        );
        let typed = refusal::<std::collections::BTreeMap<String, Vec<u8>>>("{\"a\": [1, \"x\"]}");
        assert!(typed.contains("not as expected at `/a/1`"), "{typed}");
    }
}
