//! One value of a JSON file, or a page or outline of it, within a byte budget.

use std::io::{self, Read};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::outline::Entry;
use super::pointer;
use super::scan::{Scanner, closing, malformed};
use super::seek::{Missing, Sought, seek};
use super::shape::Shape;
use super::text;
use crate::job::view::PageView;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// RFC 6901 pointer of the value.
    pub pointer: &'a str,
    /// First item, member or character shown.
    pub offset: u64,
    /// Items, members or characters shown at most; all that fit if absent.
    pub count: Option<u64>,
    /// Bytes of JSON text that may be shown.
    pub budget: usize,
}

/// What there is.
#[derive(Debug)]
pub struct Part {
    /// The type and size of the value.
    pub shape: Shape,
    /// Its length as JSON text without white space.
    pub bytes: u64,
    /// The value, or the page of it.
    pub shown: Shown,
    /// Pointers inside it, with types and sizes.
    pub outline: Map<String, Value>,
}

/// How much of the value is shown.
#[derive(Debug)]
pub enum Shown {
    /// All of it.
    Whole(Box<RawValue>),
    /// Some items, members or characters.
    Page(Box<RawValue>, PageView),
    /// Nothing: the item or member at this offset does not fit alone.
    TooLarge(PageView),
}

/// Reads what is wanted in one pass, holding the budget and a buffer.
///
/// # Errors
/// As for [`extract`](super::extract); the inner `Err` says where the pointer leaves the document.
pub fn read(reader: impl Read, want: Want<'_>) -> io::Result<Result<Part, Missing>> {
    let tokens =
        pointer::parse(want.pointer).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let mut scanner = Scanner::new(reader);
    if let Sought::Missing(missing) = seek(&mut scanner, &tokens)? {
        return Ok(Err(missing));
    }
    let first = scanner.peek()?;
    let before = scanner.passed();
    let mut root = Entry::root(want.pointer);
    let (shape, shown) = match first {
        b'[' | b'{' => container(&mut scanner, first, want, &mut root)?,
        b'"' => string(&mut scanner, want)?,
        _ => {
            scanner.tap(want.budget);
            let shape = scanner.skip()?;
            (shape, whole(scanner.untap())?)
        }
    };
    Ok(Ok(Part {
        shape,
        bytes: scanner.passed() - before,
        shown,
        outline: root.into_map(),
    }))
}

fn raw(json: Vec<u8>) -> io::Result<Box<RawValue>> {
    String::from_utf8(json)
        .map_err(|_| malformed("a string is not UTF-8"))
        .and_then(|text| RawValue::from_string(text).map_err(|e| malformed(&e.to_string())))
}

/// A number, a boolean or null; a number of thousands of digits may not fit.
fn whole(json: Option<Vec<u8>>) -> io::Result<Shown> {
    match json {
        Some(json) => raw(json).map(Shown::Whole),
        None => Ok(Shown::TooLarge(PageView {
            offset: 0,
            count: 0,
            total: 1,
            next_offset: None,
        })),
    }
}

fn string<R: Read>(scanner: &mut Scanner<R>, want: Want<'_>) -> io::Result<(Shape, Shown)> {
    let count = want.count.unwrap_or(u64::MAX);
    let window = text::window(scanner, want.offset, count, want.budget)?;
    let json = raw(serde_json::to_vec(&window.text)?)?;
    let shown = if window.count == window.total {
        Shown::Whole(json)
    } else {
        Shown::Page(json, page(want.offset, window.count, window.total))
    };
    Ok((Shape::String(window.total), shown))
}

fn page(offset: u64, count: u64, total: u64) -> PageView {
    let next = offset.saturating_add(count);
    PageView {
        offset,
        count,
        total,
        next_offset: (next < total).then_some(next),
    }
}

/// The items of a page while they are collected.
struct Collected {
    bracket: u8,
    json: Vec<u8>,
    count: u64,
    full: bool,
}

impl Collected {
    fn wants(&self, index: u64, want: &Want<'_>) -> bool {
        self.next(index, want) == index
    }

    /// The first item from `index` on that belongs to the page.
    fn next(&self, index: u64, want: &Want<'_>) -> u64 {
        let last = want.count.map(|count| want.offset.saturating_add(count));
        if self.full || last.is_some_and(|last| index >= last) {
            return u64::MAX;
        }
        index.max(want.offset)
    }

    /// Bytes that the next item may have, leaving room for the comma and both brackets.
    fn room(&self, budget: usize) -> usize {
        budget.saturating_sub(self.json.len() + 3)
    }

    fn add(&mut self, item: Option<Vec<u8>>) {
        match item {
            Some(item) => {
                self.json
                    .push(if self.count == 0 { self.bracket } else { b',' });
                self.json.extend(item);
                self.count += 1;
            }
            None => self.full = true,
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count == 0 {
            self.json.push(self.bracket);
        }
        self.json.push(closing(self.bracket));
        self.json
    }
}

fn container<R: Read>(
    scanner: &mut Scanner<R>,
    bracket: u8,
    want: Want<'_>,
    root: &mut Entry,
) -> io::Result<(Shape, Shown)> {
    let mut collected = Collected {
        bracket,
        json: Vec::new(),
        count: 0,
        full: false,
    };
    scanner.tap(want.budget);
    scanner.open(bracket)?;
    let mut total = 0;
    while scanner.more(total, closing(bracket))? {
        let wanted = collected.wants(total, &want);
        if wanted {
            scanner.tap(collected.room(want.budget));
        }
        item(scanner, bracket, total, root, 1)?;
        if wanted {
            let json = scanner.untap();
            collected.add(json);
        }
        total += 1;
        if !lists(bracket, root, 1) {
            let next = collected.next(total, &want);
            total = pass(scanner, bracket, total, next, root)?;
        }
    }
    let all = scanner
        .untap()
        .filter(|_| want.offset == 0 && want.count.is_none_or(|n| n >= total));
    let view = page(want.offset, collected.count, total);
    let shown = match all {
        Some(json) => Shown::Whole(raw(json)?),
        None if collected.full && collected.count == 0 => Shown::TooLarge(view),
        None => Shown::Page(raw(collected.finish())?, view),
    };
    Ok((shape(bracket, total), shown))
}

fn shape(bracket: u8, count: u64) -> Shape {
    if bracket == b'[' {
        Shape::Array(count)
    } else {
        Shape::Object(count)
    }
}

/// Whether the outline lists another item of `parent`, of which it has the first.
fn lists(bracket: u8, parent: &Entry, level: u8) -> bool {
    // The items of an array are mostly alike: the first stands for all.
    bracket == b'{' && parent.has_room(level == 1)
}

/// Passes over items from `index` up to `next`, which are neither shown nor listed: how many are
/// passed in all.
fn pass<R: Read>(
    scanner: &mut Scanner<R>,
    bracket: u8,
    index: u64,
    next: u64,
    parent: &mut Entry,
) -> io::Result<u64> {
    let passed = scanner.items(index, next)?;
    if bracket == b'{' {
        parent.omit(passed - index);
    }
    Ok(passed)
}

/// Passes over one member or item at `level` below the root of the outline, listing it there.
fn item<R: Read>(
    scanner: &mut Scanner<R>,
    bracket: u8,
    index: u64,
    parent: &mut Entry,
    level: u8,
) -> io::Result<()> {
    const NAME: usize = 1024;
    let slot = if bracket == b'{' {
        let name = scanner.name(NAME)?;
        parent.list(name.as_deref(), level == 1)
    } else if index == 0 {
        parent.list(Some("0"), level == 1)
    } else {
        None
    };
    let shape = match (scanner.peek()?, slot) {
        (inner @ (b'[' | b'{'), Some(slot)) if level < 2 => {
            nested(scanner, inner, parent.inner(slot), level)?
        }
        _ => scanner.skip()?,
    };
    if let Some(entry) = slot.and_then(|slot| parent.inner(slot)) {
        entry.is(shape);
    }
    Ok(())
}

fn nested<R: Read>(
    scanner: &mut Scanner<R>,
    bracket: u8,
    entry: Option<&mut Entry>,
    level: u8,
) -> io::Result<Shape> {
    let Some(entry) = entry else {
        return scanner.skip();
    };
    scanner.open(bracket)?;
    let mut total = 0;
    while scanner.more(total, closing(bracket))? {
        item(scanner, bracket, total, entry, level + 1)?;
        total += 1;
        if !lists(bracket, entry, level + 1) {
            total = pass(scanner, bracket, total, u64::MAX, entry)?;
        }
    }
    Ok(shape(bracket, total))
}

#[cfg(test)]
mod tests;
