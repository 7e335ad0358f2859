//! Where the questions of one worker are: what it asks stands in one file, what it is told in another, and
//! a thread that lives while something is asked looks from one to the other.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::failpoint::failpoint;
use crate::job::question::{Answer, Delivery, MOST_OPEN, Wanted};
use crate::store::files::{self, Durability};
use crate::store::job_dir::JobDir;
use crate::sys::term;
use crate::sys::watch::{Watch, touch, wait_readable};

/// How often the file is read when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// Answers are small; what is larger was not written by us.
const FILE_BYTES: u64 = 4 << 20;

/// The questions of this process.
pub struct Desk {
    dir: JobDir,
    nonce: String,
    state: Mutex<State>,
    changed: Condvar,
    wake: tokio::sync::watch::Sender<()>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, Wanted>,
    /// Answered in this attempt: nobody is asked twice.
    known: BTreeMap<String, (Wanted, Delivery)>,
    /// How many tickets there are for a key.
    askers: BTreeMap<String, usize>,
    listening: bool,
    ending: bool,
}

/// One asker of one question; dropped, it asks no more.
pub struct Ticket {
    desk: Arc<Desk>,
    key: String,
}

impl Desk {
    /// No questions yet.
    pub fn new(dir: &Path, nonce: &str) -> Arc<Self> {
        Arc::new(Desk {
            dir: JobDir::new(dir.to_owned()),
            nonce: nonce.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
            wake: tokio::sync::watch::Sender::new(()),
        })
    }

    /// Asks; a question that is open or answered already is joined, not asked twice.
    ///
    /// # Errors
    /// `invalid_argument` for a key that is none, or that is asked with another type; `too_large`;
    /// `storage_error`.
    pub fn ask(self: &Arc<Self>, mut wanted: Wanted) -> Result<Ticket> {
        wanted.check()?;
        let key = wanted.key.clone();
        let mut state = self.lock();
        let before = match (state.open.get(&key), state.known.get(&key)) {
            (Some(open), _) => Some((open, None)),
            (None, Some((asked, told))) => Some((asked, Some(told))),
            (None, None) => None,
        };
        match before {
            Some((before, _)) if before.schema == wanted.schema => {
                return Ok(self.ticket(&mut state, key));
            }
            Some((_, Some(told))) if !state.askers.contains_key(&key) => {
                wanted.round = told.round + 1;
            }
            Some(_) => return Err(two_types(&key)),
            None if state.open.len() >= MOST_OPEN => return Err(too_many()),
            None => {}
        }
        state.known.remove(&key);
        state.open.insert(key.clone(), wanted);
        if let Err(error) = self.publish(&state).and_then(|()| self.listen(&mut state)) {
            state.open.remove(&key);
            return Err(Error::storage(format_args!("ask `{key}`"), error));
        }
        Ok(self.ticket(&mut state, key))
    }

    fn ticket(self: &Arc<Self>, state: &mut State, key: String) -> Ticket {
        *state.askers.entry(key.clone()).or_default() += 1;
        Ticket {
            desk: Arc::clone(self),
            key,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is asked and wakes the supervisor.
    fn publish(&self, state: &State) -> io::Result<()> {
        let wanted: Vec<&Wanted> = state.open.values().collect();
        let json = serde_json::to_vec(&wanted)?;
        failpoint!("ask.before_file", |error| error);
        files::write_atomic(&self.dir.questions(&self.nonce), &json, Durability::Relaxed)?;
        touch(self.dir.path());
        Ok(())
    }

    /// Makes sure that somebody looks for answers.
    fn listen(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if state.listening {
            return Ok(());
        }
        let desk = Arc::clone(self);
        std::thread::Builder::new()
            .name("answers".into())
            .spawn(move || desk.watch())?;
        state.listening = true;
        Ok(())
    }

    fn watch(&self) {
        let watch = Watch::new()
            .ok()
            .filter(|watch| watch.add(self.dir.path()).is_ok());
        let term = term::watch();
        // Armed first, read second, wait last.
        while self.look(term.is_set()) {
            let events: Vec<_> = watch.iter().map(AsFd::as_fd).chain(term.event()).collect();
            wait_readable(&events, FALLBACK);
            if let Some(watch) = &watch {
                watch.drain();
            }
        }
    }

    /// Takes in what was answered; false when nothing is asked any more, or nothing will be answered.
    fn look(&self, ending: bool) -> bool {
        let answers: BTreeMap<String, Delivery> =
            files::read_capped(&self.dir.answers(&self.nonce), FILE_BYTES)
                .ok()
                .and_then(|json| serde_json::from_slice(&json).ok())
                .unwrap_or_default();
        let mut state = self.lock();
        state.ending |= ending;
        let answered = |wanted: &Wanted| {
            let told = answers.get(&wanted.key)?;
            (told.round >= wanted.round).then(|| told.clone())
        };
        let news: Vec<(String, Delivery)> = state
            .open
            .iter()
            .filter_map(|(key, wanted)| Some((key.clone(), answered(wanted)?)))
            .collect();
        for (key, told) in &news {
            if let Some(wanted) = state.open.remove(key) {
                state.known.insert(key.clone(), (wanted, told.clone()));
            }
        }
        if !news.is_empty() {
            self.say(&state);
        }
        let goes_on = !state.open.is_empty() && !state.ending;
        state.listening = goes_on;
        drop(state);
        self.changed.notify_all();
        self.wake.send_replace(());
        goes_on
    }

    /// As [`Desk::publish`], where a failure costs no more than a question that stays shown.
    fn say(&self, state: &State) {
        if let Err(error) = self.publish(state) {
            tracing::debug!(%error, "the questions were not rewritten");
        }
    }
}

impl Ticket {
    /// Blocks until there is an answer.
    ///
    /// # Errors
    /// `already_finished` when the job is being ended.
    pub fn wait(&self) -> Result<Delivery> {
        let mut state = self.desk.lock();
        loop {
            if let Some(told) = self.told(&state) {
                return told;
            }
            state = self
                .desk
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until there is an answer.
    ///
    /// # Errors
    /// As for [`Ticket::wait`].
    pub async fn answered(&self) -> Result<Delivery> {
        let mut wake = self.desk.wake.subscribe();
        loop {
            wake.borrow_and_update();
            if let Some(told) = self.told(&self.desk.lock()) {
                return told;
            }
            // The sender lives as long as the desk, and so as long as this ticket.
            let _ = wake.changed().await;
        }
    }

    fn told(&self, state: &State) -> Option<Result<Delivery>> {
        if let Some((_, told)) = state.known.get(&self.key) {
            return Some(Ok(told.clone()));
        }
        state.ending.then(|| {
            let text = format!(
                "the job was asked to end before `{}` was answered",
                self.key
            );
            Err(Error::new(Code::AlreadyFinished, text))
        })
    }

    /// Asks again, since the answer of `round` cannot be used, and says why.
    ///
    /// # Errors
    /// `storage_error`.
    pub fn refuse(&self, round: u32, why: String) -> Result<()> {
        let desk = &self.desk;
        let mut state = desk.lock();
        // Another asker of the same question may have said so first.
        let refused = |(_, told): &(Wanted, Delivery)| told.round == round;
        if !state.known.get(&self.key).is_some_and(refused) {
            return Ok(());
        }
        let Some((mut wanted, _)) = state.known.remove(&self.key) else {
            return Ok(());
        };
        (wanted.round, wanted.refused) = (round + 1, Some(why));
        state.open.insert(self.key.clone(), wanted);
        let asked = desk.publish(&state).and_then(|()| desk.listen(&mut state));
        asked.map_err(|error| Error::storage(format_args!("ask `{}` again", self.key), error))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        let askers = state.askers.entry(self.key.clone()).or_default();
        *askers = askers.saturating_sub(1);
        if *askers > 0 {
            return;
        }
        state.askers.remove(&self.key);
        if state.open.remove(&self.key).is_some() {
            self.desk.say(&state);
        }
    }
}

/// What an answer came to.
pub fn value_of(answer: &Answer) -> Option<&serde_json::Value> {
    match answer {
        Answer::Value(value) => Some(value),
        Answer::Declined => None,
    }
}

fn two_types(key: &str) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("the question `{key}` is open with another type of answer"),
    )
    .remedy("Give each question a key of its own.")
}

fn too_many() -> Error {
    Error::new(
        Code::TooLarge,
        format!("the job has {MOST_OPEN} questions open, which is the most"),
    )
    .remedy("Wait for some answers first, or ask for several things in one question.")
}
