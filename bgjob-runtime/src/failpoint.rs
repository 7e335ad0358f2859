//! Places where tests let the engine die, stop or fail: one on each edge between two durable steps.
//!
//! Without the feature `failpoints` nothing of this is compiled. With it, a front-end takes its
//! orders from `BGJOB_FAILPOINTS`, a supervisor or worker (whose environment is scrubbed) from the
//! file `failpoints` in the data directory: `commit.before=kill;claim.after_lock=2*stop;
//! accept.before_dir=err(ENOSPC)`. The number is the hit, counted in each process, from which on the
//! order holds. A kill or a stop happens once over all processes, and leaves the pid in
//! `failpoints.hit/<name>`; an error is returned for as long as it is ordered.

/// Marks an edge. With a second argument, a function from `io::Error`, it can also fail there.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::reach($name);
    };
    ($name:literal, $error:expr) => {
        #[cfg(feature = "failpoints")]
        if let Some(error) = $crate::failpoint::fail($name) {
            return Err($error(error));
        }
    };
}
pub(crate) use failpoint;

#[cfg(feature = "failpoints")]
pub(crate) use armed::{fail, obey_environment, obey_file, reach};

#[cfg(feature = "failpoints")]
mod armed {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, OnceLock};

    use rustix::process::Signal;

    use crate::sys::process::raise;

    /// Where orders come from and where hits are noted.
    struct Source {
        root: PathBuf,
        environment: bool,
    }

    static SOURCE: OnceLock<Source> = OnceLock::new();
    static HITS: Mutex<BTreeMap<&'static str, u32>> = Mutex::new(BTreeMap::new());

    /// A front-end's orders are in its environment.
    pub(crate) fn obey_environment(root: &Path) {
        let _ = SOURCE.set(Source {
            root: root.to_path_buf(),
            environment: true,
        });
    }

    /// A supervisor's and a worker's orders are in the data directory.
    pub(crate) fn obey_file(root: &Path) {
        let _ = SOURCE.set(Source {
            root: root.to_path_buf(),
            environment: false,
        });
    }

    /// Passes an edge where nothing can fail: dies or stops if ordered to.
    pub(crate) fn reach(name: &'static str) {
        let _ = fail(name);
    }

    /// Passes an edge: dies or stops if ordered to, or says with what to fail.
    pub(crate) fn fail(name: &'static str) -> Option<io::Error> {
        let source = SOURCE.get()?;
        let hit = {
            let mut hits = HITS.lock().ok()?;
            let count = hits.entry(name).or_default();
            *count += 1;
            *count
        };
        let (from, action) = order(source, name)?;
        if hit < from {
            return None;
        }
        match action.as_str() {
            "kill" => act_once(&source.root, name, Signal::KILL),
            "stop" => act_once(&source.root, name, Signal::STOP),
            "err(ENOSPC)" => return Some(io::Error::from_raw_os_error(libc::ENOSPC)),
            "err(EIO)" => return Some(io::Error::from_raw_os_error(libc::EIO)),
            "err(EMFILE)" => return Some(io::Error::from_raw_os_error(libc::EMFILE)),
            "err(EAGAIN)" => return Some(io::Error::from_raw_os_error(libc::EAGAIN)),
            other => panic!("`{other}` is no order for a failpoint"),
        }
        None
    }

    fn order(source: &Source, name: &str) -> Option<(u32, String)> {
        let text = if source.environment {
            std::env::var("BGJOB_FAILPOINTS").ok()?
        } else {
            fs::read_to_string(source.root.join("failpoints")).ok()?
        };
        text.trim().split(';').find_map(|entry| {
            let (point, action) = entry.trim().split_once('=')?;
            let (from, action) = action.split_once('*').unwrap_or(("1", action));
            (point == name).then(|| (from.parse().unwrap_or(1), action.to_owned()))
        })
    }

    fn act_once(root: &Path, name: &str, signal: Signal) {
        let hits = root.join("failpoints.hit");
        let _ = fs::create_dir(&hits);
        let Ok(mut mark) = fs::File::create_new(hits.join(name)) else {
            return;
        };
        let _ = write!(mark, "{}", std::process::id());
        drop(mark);
        raise(signal);
    }
}
