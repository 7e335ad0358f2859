//! What is in a large value: the pointers of its first two levels, with types and sizes.

use serde_json::{Map, Value};

use super::pointer;
use super::shape::Shape;

/// Members listed of the value itself.
const TOP: usize = 40;
/// Members listed of each of those.
const BELOW: usize = 8;
/// Longest name listed, in bytes.
const NAME: usize = 128;
/// Bytes of JSON text that all entries may take.
const BYTES: usize = 4096;

/// One listed value and what is in it.
#[derive(Debug)]
pub struct Entry {
    pointer: String,
    shape: Option<Shape>,
    inner: Vec<Entry>,
    omitted: u64,
}

impl Entry {
    /// The value that `pointer` names.
    pub fn root(pointer: &str) -> Self {
        Entry {
            pointer: pointer.to_owned(),
            shape: None,
            inner: Vec::new(),
            omitted: 0,
        }
    }

    /// Says what the value turned out to be.
    pub fn is(&mut self, shape: Shape) {
        self.shape = Some(shape);
    }

    /// What is listed inside.
    pub fn inner(&mut self, index: usize) -> Option<&mut Entry> {
        self.inner.get_mut(index)
    }

    /// Whether another member would be listed.
    pub fn has_room(&self, at_top: bool) -> bool {
        self.inner.len() < if at_top { TOP } else { BELOW }
    }

    /// Counts members that are not listed.
    pub fn omit(&mut self, members: u64) {
        self.omitted += members;
    }

    /// Lists the next member or item, if there is room: its index in [`inner`](Entry::inner).
    pub fn list(&mut self, name: Option<&str>, at_top: bool) -> Option<usize> {
        match name.filter(|name| self.has_room(at_top) && name.len() <= NAME) {
            Some(name) => {
                let mut entry = Entry::root(&self.pointer);
                pointer::push(&mut entry.pointer, name);
                self.inner.push(entry);
                Some(self.inner.len() - 1)
            }
            None => {
                self.omit(1);
                None
            }
        }
    }

    /// The pointers of what is listed, level by level; where members are left out, a last `…` says
    /// how many.
    pub fn into_map(self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut bytes = 0;
        let mut omitted = self.omitted;
        // The members themselves go first, so that a long one cannot crowd out its neighbours.
        let mut level: Vec<Entry> = self.inner;
        let mut order = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for entry in level {
                let text = entry.shape.map(|s| s.to_string()).unwrap_or_default();
                bytes += entry.pointer.len() + text.len() + 6;
                if bytes > BYTES {
                    omitted += 1;
                } else {
                    order.push((entry.pointer, text));
                    omitted += entry.omitted;
                    next.extend(entry.inner);
                }
            }
            level = next;
        }
        order.into_iter().for_each(|(pointer, text)| {
            map.insert(pointer, text.into());
        });
        if omitted > 0 {
            map.insert("…".into(), format!("{omitted} more").into());
        }
        map
    }
}
