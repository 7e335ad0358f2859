//! What others see of a process: its arguments (`ps`) and its environment (`/proc/PID/environ`, which
//! the sweep reads). The kernel shows the memory where they were put at the exec; a process that was forked
//! changes its own copy in place.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// Where the arguments and the environment of this process are.
pub struct Title {
    /// Each argument, without the NUL behind it.
    arguments: Vec<Range<usize>>,
    /// The whole environment.
    environment: Range<usize>,
}

impl Title {
    /// Finds them, in a process of three arguments that has changed none (proc(5), `/proc/PID/stat`).
    pub fn find() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name, which may contain anything, fields are counted from the third.
        let fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let addresses: Vec<usize> = fields
            .skip(48 - 3)
            .take(4)
            .filter_map(|field| field.parse().ok())
            .collect();
        let [first, last, from, to] = addresses[..] else {
            return None;
        };
        let mut next = first;
        let arguments: Vec<_> = std::env::args_os()
            .map(|argument| {
                let place = next..next + argument.as_bytes().len();
                next = place.end + 1;
                place
            })
            .collect();
        let whole = arguments.len() == 3 && next == last && first > 0 && from > 0;
        whole.then_some(Title {
            arguments,
            environment: from..to,
        })
    }

    /// Whether there is room for these: a NUL stays behind each.
    pub fn has_room(&self, arguments: [&str; 2], entry: &[u8]) -> bool {
        let mut places = self.arguments.iter().skip(1).zip(arguments);
        places.all(|(place, argument)| argument.len() <= place.len())
            && entry.len() < self.environment.len()
    }

    /// Puts these in place of the second and third argument, and `entry` alone in place of the environment.
    ///
    /// Only where [`Title::has_room`], and when nothing refers to the first environment any more.
    pub fn change(&self, arguments: [&str; 2], entry: &[u8]) {
        for (place, argument) in self.arguments.iter().skip(1).zip(arguments) {
            overwrite(place, argument.as_bytes());
        }
        overwrite(&self.environment, entry);
    }
}

fn overwrite(place: &Range<usize>, text: &[u8]) {
    let text = &text[..text.len().min(place.len())];
    let memory: *mut u8 = ptr::with_exposed_provenance_mut(place.start);
    // SAFETY: the kernel named the place, which is this process's own and writable, and stays so; no
    // Rust reference to it exists, since the standard library copies arguments and variables.
    unsafe {
        memory.write_bytes(0, place.len());
        memory.copy_from_nonoverlapping(text.as_ptr(), text.len());
    }
}
