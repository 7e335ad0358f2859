//! The lines of a stream that arrives in pieces, whatever is in it.

/// A longer line cannot be a statement of progress: it is passed over.
const LONGEST: usize = 4096;

/// What has come of the present line.
#[derive(Debug, Default)]
pub struct Lines {
    pending: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes the next piece and hands over each line that it ends. A carriage return ends a line as
    /// well: progress bars write over themselves.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ended) = match piece.split_last() {
                Some((b'\n' | b'\r', text)) => (text, true),
                _ => (piece, false),
            };
            self.add(text);
            if ended {
                self.end(&mut each);
            }
        }
    }

    /// Hands over what is left when the stream has ended.
    pub fn end(&mut self, mut each: impl FnMut(&str)) {
        if !self.too_long && !self.pending.is_empty() {
            let text = String::from_utf8_lossy(&self.pending);
            each(&anstream::adapter::strip_str(&text).to_string());
        }
        self.pending.clear();
        self.too_long = false;
    }

    fn add(&mut self, text: &[u8]) {
        if self.too_long || self.pending.len() + text.len() > LONGEST {
            self.pending.clear();
            self.too_long = true;
        } else {
            self.pending.extend_from_slice(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece, |line| found.push(line.to_owned()));
        }
        lines.end(|line| found.push(line.to_owned()));
        found
    }

    #[test]
    fn lines_end_at_newlines_and_carriage_returns() {
        assert_eq!(all(&[b"a\nb\r\nc\rd"]), ["a", "b", "c", "d"]);
        assert_eq!(all(&[b"Day 1", b"0/20", b"\n"]), ["Day 10/20"]);
    }

    #[test]
    fn a_line_of_ten_megabytes_is_passed_over_in_little_memory() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for _ in 0..10_000 {
            lines.feed(&[b'x'; 1000], |line| found.push(line.to_owned()));
            assert!(lines.pending.capacity() <= 2 * LONGEST);
        }
        lines.feed(b"\nnext\n", |line| found.push(line.to_owned()));
        assert_eq!(found, ["next"]);
    }

    #[test]
    fn colours_and_bytes_that_are_no_text_do_not_hide_a_line() {
        assert_eq!(all(&[b"\x1b[32m45%\x1b[0m \xff\n"]), ["45% \u{fffd}"]);
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_does_not_matter(text in "[a-z\r\n]{0,60}", cut in 0usize..60) {
            let cut = cut.min(text.len());
            let (head, tail) = text.as_bytes().split_at(cut);
            prop_assert_eq!(all(&[head, tail]), all(&[text.as_bytes()]));
        }
    }
}
