//! Reads JSON (RFC 8259) from a stream, in order, holding one buffer of it.
//!
//! Serde's deserializers keep a scratch copy of every string they pass over, so a skipped string of a
//! gigabyte would cost a gigabyte; this scanner passes over anything in 64 KiB.

use std::io::{self, Read};

use super::shape::Shape;

const BUFFER: usize = 64 * 1024;

/// Levels of nesting that the scanner passes over. What is *shown* has serde's own, lower limit.
pub const MAX_DEPTH: usize = 1000;

/// Keeps what the scanner passes over, up to a limit.
#[derive(Debug)]
struct Tap {
    bytes: Vec<u8>,
    limit: usize,
    overflow: bool,
}

/// A position in a stream of JSON text.
pub struct Scanner<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    taps: Vec<Tap>,
    depth: usize,
    passed: u64,
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
            taps: Vec::new(),
            depth: 0,
            passed: 0,
        }
    }

    /// How many bytes of tokens were passed over so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// From here on keeps a copy, without the white space between tokens, of at most `limit` bytes.
    pub fn tap(&mut self, limit: usize) {
        self.taps.push(Tap {
            bytes: Vec::new(),
            limit,
            overflow: false,
        });
    }

    /// What was passed over since the last [`tap`](Self::tap), or `None` if that was too much.
    pub fn untap(&mut self) -> Option<Vec<u8>> {
        self.taps
            .pop()
            .and_then(|tap| (!tap.overflow).then_some(tap.bytes))
    }

    /// The bytes in the buffer; empty only at the end of the input.
    fn chunk(&mut self) -> io::Result<&[u8]> {
        while self.at == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(n) => (self.at, self.end) = (0, n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }

    /// Passes over `n` bytes of the buffer, copying them to the taps.
    fn take(&mut self, n: usize) {
        let passed = &self.buffer[self.at..self.at + n];
        for tap in &mut self.taps {
            if !tap.overflow && tap.bytes.len() + n <= tap.limit {
                tap.bytes.extend_from_slice(passed);
            } else {
                tap.overflow = true;
                tap.bytes = Vec::new();
            }
        }
        self.at += n;
        self.passed += n as u64;
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
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(malformed("it ends too early"));
            }
            let space = chunk
                .iter()
                .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
                .count();
            let token = chunk.get(space).copied();
            self.at += space;
            if let Some(first) = token {
                return Ok(first);
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
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed(&format!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(())
    }

    /// Before item `index` of an array or object: true when there is one, after the comma; false
    /// after the closing `bracket`.
    pub fn more(&mut self, index: u64, bracket: u8) -> io::Result<bool> {
        if self.eat(bracket)? {
            self.depth -= 1;
            return Ok(false);
        }
        if index > 0 {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Takes a member's name and its colon; the name itself, unless it is longer than `limit` bytes
    /// of JSON text.
    pub fn name(&mut self, limit: usize) -> io::Result<Option<String>> {
        self.tap(limit);
        let passed = self.string();
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
        let mut stack = vec![(bracket, 0u64)];
        loop {
            let Some((bracket, index)) = stack.last_mut() else {
                return Err(malformed("it ends too early"));
            };
            let (bracket, before) = (*bracket, *index);
            if !self.more(before, closing(bracket))? {
                stack.pop();
                if stack.is_empty() {
                    return Ok(before);
                }
                continue;
            }
            *index += 1;
            if bracket == b'{' {
                self.string()?;
                self.expect(b':')?;
            }
            match self.peek()? {
                inner @ (b'[' | b'{') => {
                    self.open(inner)?;
                    stack.push((inner, 0));
                }
                _ => {
                    self.skip()?;
                }
            }
        }
    }

    /// Passes over a string; the number of its characters (an escaped surrogate pair counts as two).
    fn string(&mut self) -> io::Result<u64> {
        self.expect(b'"')?;
        let mut characters = 0;
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(malformed("it ends inside a string"));
            }
            let plain = chunk
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f))
                .count();
            // Continuation bytes (10xxxxxx) are no characters of their own.
            characters += chunk[..plain].iter().filter(|b| **b & 0xc0 != 0x80).count() as u64;
            let stop = chunk.get(plain).copied();
            self.take(plain);
            match stop {
                None => {}
                Some(b'"') => {
                    self.take(1);
                    return Ok(characters);
                }
                Some(b'\\') => {
                    self.escape()?;
                    characters += 1;
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

    fn scalar(&mut self) -> io::Result<Shape> {
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
            let digits = chunk.iter().take_while(|b| b.is_ascii_digit()).count();
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
