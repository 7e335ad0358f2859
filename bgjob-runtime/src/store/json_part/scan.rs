//! Reads JSON (RFC 8259) from a stream, in order, holding one buffer of it.
//!
//! Serde's deserializers keep a scratch copy of every string they pass over, so a skipped string of a
//! gigabyte would cost a gigabyte; this scanner passes over anything in 64 KiB.

use std::borrow::Cow;
use std::io::{self, Read};

use super::kept::Kept;
use super::shape::Shape;
use super::token;

const BUFFER: usize = 64 * 1024;

/// Levels of nesting that the scanner passes over. What is *shown* has serde's own, lower limit.
pub const MAX_DEPTH: usize = 1000;

/// A position in a stream of JSON text.
pub struct Scanner<R> {
    input: R,
    pub(super) buffer: Box<[u8]>,
    pub(super) at: usize,
    pub(super) end: usize,
    /// How much of the input was before the buffer's first byte.
    before: u64,
    pub(super) kept: Kept,
    /// The brackets that close what is open.
    pub(super) nest: Vec<u8>,
}

/// An error that says what is wrong with the text.
pub fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not well-formed JSON: {what}"),
    )
}

impl<R: Read> Scanner<R> {
    /// A scanner at the beginning of `input`.
    pub fn new(input: R) -> Self {
        Scanner {
            input,
            buffer: vec![0; BUFFER].into(),
            at: 0,
            end: 0,
            before: 0,
            kept: Kept::default(),
            nest: Vec::new(),
        }
    }

    /// How many bytes of tokens were passed over so far.
    pub fn passed(&self) -> u64 {
        self.before + self.at as u64 - self.kept.dropped()
    }

    /// From here on keeps a copy, without the white space between tokens, of at most `limit` bytes.
    pub fn tap(&mut self, limit: usize) {
        self.kept.tap(&self.buffer[..self.end], self.at, limit);
    }

    /// What was passed over since the last [`tap`](Self::tap), or `None` if that was too much.
    pub fn untap(&mut self) -> Option<Vec<u8>> {
        self.kept.untap(&self.buffer[..self.end], self.at)
    }

    /// The bytes in the buffer; empty only at the end of the input.
    fn chunk(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    fn fill(&mut self) -> io::Result<()> {
        self.kept.turn(&self.buffer[..self.end]);
        self.before += self.end as u64;
        (self.at, self.end) = (0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.end = read?;
                    return Ok(());
                }
            }
        }
    }

    /// Passes over `n` bytes of the buffer.
    fn take(&mut self, n: usize) {
        self.at += n;
    }

    /// Takes the next byte, white space or not; `None` at the end of the input.
    pub fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.byte()?;
        if byte.is_some() {
            self.take(1);
        }
        Ok(byte)
    }

    /// The next byte, not taken; `None` at the end of the input.
    pub fn byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.chunk()?.first().copied())
    }

    /// Inside a string: passes over plain characters that are whole in the buffer, at most `limit` of
    /// them; how many there were.
    pub fn characters(&mut self, limit: u64) -> io::Result<u64> {
        if limit == 0 {
            return Ok(0);
        }
        let (bytes, count) = token::characters(self.chunk()?, limit);
        self.take(bytes);
        Ok(count)
    }

    /// The first byte of the next token, not taken; white space before it is dropped.
    ///
    /// # Errors
    /// When the input ends here, or reading fails.
    pub fn peek(&mut self) -> io::Result<u8> {
        // Nearly always the next byte is there and no white space.
        match self.buffer[self.at..self.end].first() {
            Some(b' ' | b'\t' | b'\n' | b'\r') | None => self.peek_further(),
            Some(first) => Ok(*first),
        }
    }

    fn peek_further(&mut self) -> io::Result<u8> {
        loop {
            if self.chunk()?.is_empty() {
                return Err(malformed("it ends too early"));
            }
            let window = &self.buffer[..self.end];
            let end = token::space(window, self.at);
            self.kept.gap(window, self.at, end);
            self.at = end;
            if let Some(first) = window.get(end) {
                return Ok(*first);
            }
        }
    }

    /// Takes the next token's first byte if it is `wanted`.
    pub fn eat(&mut self, wanted: u8) -> io::Result<bool> {
        let found = self.peek()? == wanted;
        if found {
            self.take(1);
        }
        Ok(found)
    }

    /// Takes `wanted`, which must come next.
    pub fn expect(&mut self, wanted: u8) -> io::Result<()> {
        if self.eat(wanted)? {
            Ok(())
        } else {
            Err(malformed(&format!("`{}` is missing", wanted as char)))
        }
    }

    /// Checks that nothing follows.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.peek() {
            Ok(_) => Err(malformed("something follows the value")),
            Err(e) if e.kind() == io::ErrorKind::InvalidData && self.chunk()?.is_empty() => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Opens an array or object whose first byte comes next.
    pub fn open(&mut self, bracket: u8) -> io::Result<()> {
        self.expect(bracket)?;
        if self.nest.len() >= MAX_DEPTH {
            return Err(malformed(&format!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.nest.push(closing(bracket));
        Ok(())
    }

    /// Takes the bracket that closes the innermost open array or object.
    pub fn close(&mut self) -> io::Result<()> {
        match self.nest.pop() {
            Some(bracket) => self.expect(bracket),
            None => Err(malformed("nothing is open")),
        }
    }

    /// Before item `index` of an array or object: true when there is one, after the comma; false
    /// after the closing `bracket`.
    pub fn more(&mut self, index: u64, bracket: u8) -> io::Result<bool> {
        if self.eat(bracket)? {
            self.nest.pop();
            return Ok(false);
        }
        if index > 0 {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Takes a member's name and its colon; the name itself, unless it is longer than `limit` bytes
    /// of JSON text.
    pub fn name(&mut self, limit: usize) -> io::Result<Option<Cow<'_, str>>> {
        self.peek()?;
        let Some(end) = token::plain_name(&self.buffer[..self.end], self.at) else {
            return Ok(self.any_name(limit)?.map(Cow::Owned));
        };
        let text = self.at..end;
        self.take(text.len() + 1);
        if text.len() > limit {
            return Ok(None);
        }
        std::str::from_utf8(&self.buffer[text.start + 1..text.end - 1])
            .map(|name| Some(Cow::Borrowed(name)))
            .map_err(|_| malformed("a name is not UTF-8"))
    }

    /// A name with escapes, with white space behind it, or in two buffers.
    fn any_name(&mut self, limit: usize) -> io::Result<Option<String>> {
        self.tap(limit);
        let passed = self.text(|_| {});
        let text = self.untap();
        passed?;
        self.expect(b':')?;
        match text {
            Some(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|e| malformed(&e.to_string())),
            None => Ok(None),
        }
    }

    /// Passes over one value and says what it was.
    pub fn skip(&mut self) -> io::Result<Shape> {
        match self.peek()? {
            b'"' => self.string().map(Shape::String),
            b'[' => self.skip_container(b'[').map(Shape::Array),
            b'{' => self.skip_container(b'{').map(Shape::Object),
            _ => self.scalar(),
        }
    }

    /// Passes over an array or object without recursion; the number of its items.
    fn skip_container(&mut self, bracket: u8) -> io::Result<u64> {
        self.open(bracket)?;
        let count = self.items(0, u64::MAX)?;
        self.close()?;
        Ok(count)
    }

    /// Passes over a string; the number of its characters (an escaped surrogate pair counts as two).
    fn string(&mut self) -> io::Result<u64> {
        let mut characters = 0;
        self.text(|part| {
            // Continuation bytes (10xxxxxx) are no characters of their own.
            characters += part.iter().filter(|b| **b & 0xc0 != 0x80).count() as u64;
        })?;
        Ok(characters)
    }

    /// Passes over a string; `seen` gets its text, and of every escape one byte.
    pub(super) fn text(&mut self, mut seen: impl FnMut(&[u8])) -> io::Result<()> {
        self.expect(b'"')?;
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(malformed("it ends inside a string"));
            }
            let plain = token::plain(chunk, 0);
            seen(&chunk[..plain]);
            let stop = chunk.get(plain).copied();
            self.take(plain);
            match stop {
                None => {}
                Some(b'"') => {
                    self.take(1);
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escape()?;
                    seen(b"\\");
                }
                Some(_) => return Err(malformed("a control character stands bare in a string")),
            }
        }
    }

    fn escape(&mut self) -> io::Result<()> {
        self.take(1);
        let letter = self.byte()?;
        if !matches!(
            letter,
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u')
        ) {
            return Err(malformed("an escape in a string is unknown"));
        }
        self.take(1);
        let digits = if letter == Some(b'u') { 4 } else { 0 };
        for _ in 0..digits {
            if !self.byte()?.is_some_and(|b| b.is_ascii_hexdigit()) {
                return Err(malformed("`\\u` needs four hexadecimal digits"));
            }
            self.take(1);
        }
        Ok(())
    }

    pub(super) fn scalar(&mut self) -> io::Result<Shape> {
        match self.peek()? {
            b't' => self.word(b"true").map(|()| Shape::Boolean),
            b'f' => self.word(b"false").map(|()| Shape::Boolean),
            b'n' => self.word(b"null").map(|()| Shape::Null),
            b'-' | b'0'..=b'9' => self.number().map(|()| Shape::Number),
            _ => Err(malformed("a value is missing")),
        }
    }

    fn word(&mut self, word: &[u8]) -> io::Result<()> {
        for wanted in word {
            if self.byte()? != Some(*wanted) {
                return Err(malformed("a bare word is none of `true`, `false`, `null`"));
            }
            self.take(1);
        }
        Ok(())
    }

    fn number(&mut self) -> io::Result<()> {
        self.eat_any(b"-")?;
        if !self.eat_any(b"0")? {
            self.digits()?;
        }
        if self.eat_any(b".")? {
            self.digits()?;
        }
        if self.eat_any(b"eE")? {
            self.eat_any(b"+-")?;
            self.digits()?;
        }
        Ok(())
    }

    /// Takes the next byte, without dropping white space, if it is one of `bytes`.
    fn eat_any(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let found = self.byte()?.is_some_and(|b| bytes.contains(&b));
        if found {
            self.take(1);
        }
        Ok(found)
    }

    fn digits(&mut self) -> io::Result<()> {
        let mut any = false;
        loop {
            let chunk = self.chunk()?;
            let digits = token::digits(chunk, 0);
            if digits == 0 {
                return if any {
                    Ok(())
                } else {
                    Err(malformed("a number lacks its digits"))
                };
            }
            any = true;
            self.take(digits);
        }
    }
}

/// The bracket that closes what `open` opened.
pub fn closing(open: u8) -> u8 {
    if open == b'[' { b']' } else { b'}' }
}
