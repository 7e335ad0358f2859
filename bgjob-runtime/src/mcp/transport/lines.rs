//! Cuts a byte stream into lines, holding no more of a line than the cap.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::glance::Glance;

/// What is read at once; also what the buffer shrinks back to after a long line.
const PIECE: usize = 64 * 1024;

/// A line of the client.
#[derive(Debug)]
pub enum Line {
    /// A whole line, without its end.
    Whole(Vec<u8>),
    /// A line longer than the cap: dropped but for a look at it.
    TooLong(Box<Glance>),
}

/// Reads lines. Dropping the future of [`next`](Lines::next) loses nothing: all it has is in here.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    cap: usize,
    /// Bytes read and not given out yet.
    buffer: Vec<u8>,
    /// How many of them are known to hold no line end.
    searched: usize,
    /// The look at a line whose beginning was dropped already.
    dropping: Option<Box<Glance>>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of `input`, each at most `cap` bytes long.
    pub fn new(input: R, cap: usize) -> Self {
        Lines {
            input,
            cap,
            buffer: Vec::with_capacity(PIECE),
            searched: 0,
            dropping: None,
        }
    }

    /// The next line; `None` at the end of the input. A last line without its end counts.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.cut() {
                return Ok(Some(line));
            }
            self.drop_excess();
            self.buffer.reserve(PIECE);
            if self.input.read_buf(&mut self.buffer).await? == 0 {
                return Ok(self.last());
            }
        }
    }

    fn cut(&mut self) -> Option<Line> {
        let end = self.searched
            + self.buffer[self.searched..]
                .iter()
                .position(|b| *b == b'\n')?;
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.pop();
        self.searched = 0;
        Some(self.finish(line))
    }

    /// While a line is longer than the cap, only a look at it is kept.
    fn drop_excess(&mut self) {
        self.searched = self.buffer.len();
        if self.dropping.is_some() || self.buffer.len() > self.cap {
            self.dropping.get_or_insert_default().push(&self.buffer);
            self.buffer = Vec::with_capacity(PIECE);
            self.searched = 0;
        }
    }

    fn last(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.buffer);
        self.searched = 0;
        (self.dropping.is_some() || !line.is_empty()).then(|| self.finish(line))
    }

    fn finish(&mut self, line: Vec<u8>) -> Line {
        match self.dropping.take() {
            Some(mut glance) => {
                glance.push(&line);
                Line::TooLong(glance)
            }
            None if line.len() > self.cap => Line::TooLong(Box::new(Glance::of(&line))),
            None => Line::Whole(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as text; a line too long as `!` and its id.
    fn cut(bytes: &[u8], cap: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut lines = Lines::new(bytes, cap);
        let mut found = Vec::new();
        while let Some(line) = runtime.block_on(lines.next()).unwrap() {
            found.push(match line {
                Line::Whole(line) => String::from_utf8(line).unwrap(),
                Line::TooLong(glance) => format!("!{}", glance.id().unwrap_or_default()),
            });
        }
        found
    }

    #[test]
    fn lines_are_cut_at_their_ends() {
        assert_eq!(cut(b"a\n\nbc\n", 10), ["a", "", "bc"]);
        assert_eq!(cut(b"a\nlast", 10), ["a", "last"]);
        assert_eq!(cut(b"", 10), Vec::<String>::new());
    }

    #[test]
    fn a_long_line_is_dropped_and_the_next_one_is_read() {
        let mut bytes = br#"{"method":"x","params":""#.to_vec();
        bytes.extend(vec![b'a'; 1_000_000]);
        bytes.extend(br#"","id":5}"#);
        bytes.extend(b"\nnext\n");
        assert_eq!(cut(&bytes, 100_000), ["!5", "next"]);
        assert_eq!(cut(b"12345\n123456\n", 5), ["12345", "!"]);
    }

    #[tokio::test]
    async fn memory_stays_bounded_without_any_line_end() {
        let mut lines = Lines::new(
            tokio::io::AsyncReadExt::take(tokio::io::repeat(b'x'), 50 << 20),
            1 << 20,
        );
        assert!(matches!(
            lines.next().await.unwrap(),
            Some(Line::TooLong(_))
        ));
        assert!(
            lines.buffer.capacity() <= 2 << 20,
            "{}",
            lines.buffer.capacity()
        );
    }
}
