//! Copies of what the scanner passes over, made late and in long runs.
//!
//! Most of a file is kept by nobody, so that passing over a token must cost nothing here: bytes are
//! copied when white space interrupts them, when the buffer is filled anew and when a tap ends.

/// Keeps what the scanner passes over, up to a limit.
#[derive(Debug)]
struct Tap {
    bytes: Vec<u8>,
    limit: usize,
    overflow: bool,
}

impl Tap {
    fn keep(&mut self, passed: &[u8]) {
        if self.overflow {
            return;
        }
        if passed.len() <= self.limit - self.bytes.len() {
            self.bytes.extend_from_slice(passed);
        } else {
            self.overflow = true;
            self.bytes = Vec::new();
        }
    }
}

/// The open taps, and how far they have come.
#[derive(Debug, Default)]
pub struct Kept {
    taps: Vec<Tap>,
    /// The first byte of the window that the taps have not seen.
    from: usize,
    /// How much white space between tokens there was so far.
    dropped: u64,
}

impl Kept {
    /// From `at` in the window on, keeps at most `limit` bytes.
    pub fn tap(&mut self, window: &[u8], at: usize, limit: usize) {
        self.catch_up(window, at);
        self.taps.push(Tap {
            bytes: Vec::new(),
            limit,
            overflow: false,
        });
    }

    /// What the last tap kept up to `at`, or `None` if it was too much.
    pub fn untap(&mut self, window: &[u8], at: usize) -> Option<Vec<u8>> {
        self.catch_up(window, at);
        let tap = self.taps.pop()?;
        (!tap.overflow).then_some(tap.bytes)
    }

    /// Leaves out the white space from `at` to `end`.
    pub fn gap(&mut self, window: &[u8], at: usize, end: usize) {
        self.catch_up(window, at);
        self.from = end;
        self.dropped += (end - at) as u64;
    }

    /// All of the window was passed over; another one takes its place.
    pub fn turn(&mut self, window: &[u8]) {
        self.catch_up(window, window.len());
        self.from = 0;
    }

    /// How much white space between tokens was left out so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    #[inline]
    fn catch_up(&mut self, window: &[u8], at: usize) {
        for tap in &mut self.taps {
            tap.keep(&window[self.from..at]);
        }
        self.from = at;
    }
}
