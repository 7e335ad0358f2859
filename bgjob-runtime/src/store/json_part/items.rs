//! Passes over many items of an array or object at once.
//!
//! There are two ways over a token. The quick one takes what lies whole in the buffer and is surely
//! well-formed; where it stops, the careful one of the [`Scanner`] reads a single token, fills the buffer,
//! or finds what is wrong. So only the careful one decides what is an error.

use std::io::{self, Read};

use super::kept::Kept;
use super::scan::{MAX_DEPTH, Scanner, closing};
use super::token;

/// What may come next, inside an array or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The first item, or the closing bracket.
    First,
    /// A member's name.
    Name,
    /// The colon behind it.
    Colon,
    /// A value.
    Value,
    /// A comma, or the closing bracket.
    After,
}

/// How far the items of one array or object are passed over.
struct Run {
    /// Open brackets, with that of the container itself.
    floor: usize,
    count: u64,
    limit: u64,
    place: Place,
}

impl<R: Read> Scanner<R> {
    /// Passes over items of the innermost open array or object, of which `count` are passed, until
    /// they are `limit` or its closing bracket comes next: how many they are then.
    pub fn items(&mut self, count: u64, limit: u64) -> io::Result<u64> {
        if count >= limit {
            return Ok(count);
        }
        let mut run = Run {
            floor: self.nest.len(),
            count,
            limit,
            place: if count == 0 {
                Place::First
            } else {
                Place::After
            },
        };
        loop {
            let mut quick = Quick {
                window: &self.buffer[..self.end],
                nest: &mut self.nest,
                kept: &mut self.kept,
            };
            (self.at, run.place) = quick.pass(self.at, &mut run);
            if !self.step(&mut run)? {
                return Ok(run.count);
            }
        }
    }

    /// Passes over one token; false if the run ends before it.
    fn step(&mut self, run: &mut Run) -> io::Result<bool> {
        let next = self.peek()?;
        let closes = self.nest.last() == Some(&next);
        let lowest = self.nest.len() == run.floor;
        run.place = match run.place {
            Place::First | Place::After if closes => {
                if lowest {
                    return Ok(false);
                }
                self.close()?;
                Place::After
            }
            Place::First => self.begin(run),
            Place::After => {
                if lowest && run.count == run.limit {
                    return Ok(false);
                }
                self.expect(b',')?;
                self.begin(run)
            }
            Place::Name => {
                self.text(|_| {})?;
                Place::Colon
            }
            Place::Colon => {
                self.expect(b':')?;
                Place::Value
            }
            Place::Value if matches!(next, b'[' | b'{') => {
                self.open(next)?;
                Place::First
            }
            Place::Value if next == b'"' => {
                self.text(|_| {})?;
                Place::After
            }
            Place::Value => {
                self.scalar()?;
                Place::After
            }
        };
        Ok(true)
    }

    fn begin(&self, run: &mut Run) -> Place {
        run.count += u64::from(self.nest.len() == run.floor);
        begins(self.nest.last())
    }
}

/// What an item begins with in a container that ends with `bracket`.
#[inline]
fn begins(bracket: Option<&u8>) -> Place {
    if bracket == Some(&b'}') {
        Place::Name
    } else {
        Place::Value
    }
}

/// The quick way over the tokens of one buffer.
struct Quick<'a> {
    window: &'a [u8],
    nest: &'a mut Vec<u8>,
    kept: &'a mut Kept,
}

impl Quick<'_> {
    /// Passes over tokens from `at` on: where it stopped, and before what.
    fn pass(&mut self, mut at: usize, run: &mut Run) -> (usize, Place) {
        let mut place = run.place;
        loop {
            at = self.space(at);
            let Some(&next) = self.window.get(at) else {
                return (at, place);
            };
            let step = match place {
                Place::Value => self.value(next, at, run),
                Place::After => self.after(next, at, run),
                Place::Name if next == b'"' => self.name(at),
                Place::Colon if next == b':' => Some((at + 1, Place::Value)),
                Place::First => self.first(next, at, run),
                _ => None,
            };
            let Some(step) = step else {
                return (at, place);
            };
            (at, place) = step;
        }
    }

    #[inline]
    fn space(&mut self, at: usize) -> usize {
        if self.window.get(at).is_none_or(|b| *b > b' ') {
            return at;
        }
        let end = token::space(self.window, at);
        self.kept.gap(self.window, at, end);
        end
    }

    /// A member's name, mostly with its colon close behind.
    #[inline]
    fn name(&self, at: usize) -> Option<(usize, Place)> {
        let end = token::string(self.window, at + 1)?;
        Some(match self.window.get(end) {
            Some(b':') => (end + 1, Place::Value),
            _ => (end, Place::Colon),
        })
    }

    #[inline]
    fn value(&mut self, next: u8, at: usize, run: &mut Run) -> Option<(usize, Place)> {
        let end = match next {
            b'"' => token::string(self.window, at + 1)?,
            b'[' | b'{' => {
                if self.nest.len() == MAX_DEPTH {
                    return None;
                }
                self.nest.push(closing(next));
                return Some((at + 1, Place::First));
            }
            _ => token::scalar(self.window, at)?,
        };
        // Mostly a comma or bracket is close behind.
        let next = self.window.get(end);
        let step = next.and_then(|next| self.after(*next, end, run));
        Some(step.unwrap_or((end, Place::After)))
    }

    #[inline]
    fn first(&mut self, next: u8, at: usize, run: &mut Run) -> Option<(usize, Place)> {
        if self.nest.last() == Some(&next) {
            return self.close(at, run);
        }
        run.count += u64::from(self.nest.len() == run.floor);
        Some((at, begins(self.nest.last())))
    }

    #[inline]
    fn after(&mut self, next: u8, at: usize, run: &mut Run) -> Option<(usize, Place)> {
        if next == b',' {
            if self.nest.len() == run.floor {
                if run.count == run.limit {
                    return None;
                }
                run.count += 1;
            }
            return Some((at + 1, begins(self.nest.last())));
        }
        if self.nest.last() == Some(&next) {
            return self.close(at, run);
        }
        None
    }

    #[inline]
    fn close(&mut self, at: usize, run: &Run) -> Option<(usize, Place)> {
        if self.nest.len() == run.floor {
            return None;
        }
        self.nest.pop();
        Some((at + 1, Place::After))
    }
}
