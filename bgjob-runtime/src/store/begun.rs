//! Whether the body of an attempt has begun: what a worker says, and what is read of it when it is dead.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use super::files;
use super::job_dir::JobDir;

impl JobDir {
    /// Says in `tree.lock` that the body of the attempt `nonce` begins. Room for it was reserved.
    ///
    /// # Errors
    /// When it cannot be written; then the body must not begin.
    pub fn mark_begun(&self, nonce: &str) -> io::Result<()> {
        let file = fs::OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.tree_lock())?;
        file.write_all_at(nonce.as_bytes(), 0)
    }

    /// Whether the body of the attempt `nonce` may have begun: unless `tree.lock` has only what was
    /// reserved for it, or the word of an earlier attempt. A tool may have written anything else.
    pub fn may_have_begun(&self, nonce: &str) -> bool {
        let said = match files::read_capped(&self.tree_lock(), 4096) {
            Ok(said) => said,
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        let reserved = said.iter().all(|byte| *byte == b'-');
        let earlier = said.len() == nonce.len() && said.iter().all(u8::is_ascii_hexdigit);
        said == nonce.as_bytes() || !(reserved || earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_have_begun_unless_it_is_known_that_it_has_not() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = JobDir::new(tmp.path().into());
        let (earlier, now) = ("0123456789abcdef", "fedcba9876543210");
        assert!(!dir.may_have_begun(now), "there is no file");
        for (said, begun) in [("", false), ("----------------", false), (earlier, false)] {
            fs::write(dir.tree_lock(), said).unwrap();
            assert_eq!(dir.may_have_begun(now), begun, "{said}");
        }
        dir.mark_begun(now).unwrap();
        assert!(dir.may_have_begun(now));
        for said in ["what a tool wrote", "fedcba9876543210, and more", "0123"] {
            fs::write(dir.tree_lock(), said).unwrap();
            assert!(dir.may_have_begun(now), "{said}");
        }
    }
}
