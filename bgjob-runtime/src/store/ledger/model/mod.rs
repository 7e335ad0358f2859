//! The ledger against a small model of it: any sequence of calls gives the same states.

mod questions;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::samples::{claim_at, new_job};
use super::{Accepted, CancelAnswer, Claim, Claimed, Ledger, NewJob};
use crate::error::{Code, Error};
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Outcome};
use crate::job::retry::{Retries, RetryOn};
use crate::job::state::JobState;
use questions::Asked;

const LIMIT: usize = 2;
/// A crash is tried again once, by some jobs.
const ONCE_MORE: Retries = Retries::new(1)
    .on(&[RetryOn::Crashed])
    .backoff(Duration::from_secs(1));

/// A call; the number picks one of the jobs.
#[derive(Clone, Debug)]
enum Step {
    Accept {
        after: Option<usize>,
        retries: bool,
    },
    Claim(usize),
    /// An end with or without a result, by the attempt that runs or by an earlier one.
    Finish {
        job: usize,
        well: bool,
        stale: bool,
    },
    GiveBack(usize),
    Cancel(usize),
    /// What an attempt asks, by the number of a set of keys; anew, if it could not use an answer.
    Ask {
        job: usize,
        keys: usize,
        anew: bool,
        stale: bool,
    },
    /// An answer to a question as it is, or as it was.
    Answer {
        job: usize,
        key: usize,
        stale: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let job = 0..12usize;
    let step = prop_oneof![
        3 => (prop::option::of(job.clone()), any::<bool>())
            .prop_map(|(after, retries)| Step::Accept { after, retries }),
        4 => job.clone().prop_map(Step::Claim),
        3 => (job.clone(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(job, well, stale)| Step::Finish { job, well, stale }),
        1 => job.clone().prop_map(Step::GiveBack),
        2 => job.clone().prop_map(Step::Cancel),
        6 => (job.clone(), 0..4usize, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(job, keys, anew, stale)| Step::Ask { job, keys, anew, stale }),
        6 => (job, 0..2usize, prop::bool::weighted(0.2))
            .prop_map(|(job, key, stale)| Step::Answer { job, key, stale }),
    ];
    prop::collection::vec(step, 1..100)
}

/// What the model knows of a job.
#[derive(Clone, Debug)]
struct Modelled {
    id: JobId,
    seq: i64,
    state: JobState,
    nonce: String,
    cancel: bool,
    waits_for: Option<usize>,
    completion: Option<i64>,
    attempts_left: u32,
    asked: BTreeMap<&'static str, Asked>,
}

#[derive(Default)]
struct Model {
    jobs: Vec<Modelled>,
    ended: i64,
}

impl Model {
    fn running(&self) -> usize {
        self.jobs
            .iter()
            .filter(|job| job.state.is_running())
            .count()
    }

    /// Ends a job, then those that waited for it, then those that waited for the last of these.
    fn end(&mut self, index: usize, state: JobState) {
        self.close(index, state);
        let mut unsettled = vec![index];
        while let Some(ended) = unsettled.pop() {
            let completed = self.jobs[ended].state == JobState::Completed;
            for other in 0..self.jobs.len() {
                if self.jobs[other].waits_for != Some(ended) {
                    continue;
                }
                self.jobs[other].waits_for = None;
                if !completed && self.jobs[other].state == JobState::Queued {
                    self.close(other, JobState::Failed);
                    unsettled.push(other);
                }
            }
        }
    }

    fn close(&mut self, index: usize, state: JobState) {
        self.ended += 1;
        self.jobs[index].state = state;
        self.jobs[index].completion = Some(self.ended);
    }
}

fn accept(ledger: &mut Ledger, model: &mut Model, after: Option<usize>, retries: bool) {
    let mut random = [0; 20];
    random[0] = u8::try_from(model.jobs.len() % 32).unwrap();
    random[1] = u8::try_from(model.jobs.len() / 32).unwrap();
    let id = JobId::new("t", random);
    let awaited = after.filter(|index| *index < model.jobs.len());
    let names: Vec<JobId> = awaited
        .iter()
        .map(|index| model.jobs[*index].id.clone())
        .collect();
    let accepted = ledger.accept(&NewJob {
        after: &names,
        retries: retries.then_some(ONCE_MORE),
        ..new_job(&id)
    });
    let awaited_state = awaited.map(|index| model.jobs[index].state);
    let refused = matches!(awaited_state, Some(JobState::Failed | JobState::Cancelled));
    match accepted {
        Ok(Accepted::New(record)) => {
            assert!(!refused);
            model.jobs.push(Modelled {
                id,
                seq: record.seq,
                state: JobState::Queued,
                nonce: String::new(),
                cancel: false,
                waits_for: awaited.filter(|index| !model.jobs[*index].state.is_terminal()),
                completion: None,
                attempts_left: 1 + u32::from(retries),
                asked: BTreeMap::new(),
            });
        }
        Err(error) => assert!(refused && error.code == Code::DependencyFailed, "{error}"),
        other => panic!("{other:?}"),
    }
}

fn outcome(well: bool, cancelled: bool) -> Outcome {
    let (state, error) = match (well, cancelled) {
        (true, _) => (JobState::Completed, None),
        (false, true) => (JobState::Cancelled, None),
        (false, false) => (JobState::Failed, Some(Error::new(Code::Crashed, "x"))),
    };
    Outcome {
        state,
        error,
        exit: Exit::Code(0),
        warning: None,
        leaked: 0,
        usage: None,
        result_bytes: well.then_some(2),
    }
}

fn claim(ledger: &mut Ledger, model: &mut Model, index: usize, turn: usize) {
    let nonce = format!("n{turn}");
    // Later than any pause.
    let now_ms = i64::try_from(turn).unwrap() * 10_000;
    let claim = Claim {
        nonce: &nonce,
        ..claim_at(now_ms)
    };
    let claimed = ledger.claim(model.jobs[index].seq, &claim).unwrap();
    let full = model.running() >= LIMIT;
    let free = model.jobs[index].state == JobState::Queued && model.jobs[index].waits_for.is_none();
    match claimed {
        Claimed::NoSlot => assert!(full),
        Claimed::Gone => assert!(!full && !free),
        Claimed::Yes(_) => {
            assert!(!full && free);
            model.jobs[index].state = JobState::Running;
            model.jobs[index].nonce = nonce;
            model.jobs[index].attempts_left -= 1;
        }
    }
}

fn finish(
    ledger: &mut Ledger,
    model: &mut Model,
    index: usize,
    turn: usize,
    (well, stale): (bool, bool),
) {
    let job = model.jobs[index].clone();
    let nonce = if stale {
        "of another attempt"
    } else {
        &job.nonce
    };
    let outcome = outcome(well, job.cancel);
    let now = i64::try_from(turn).unwrap() * 10_000;
    let finished = ledger.finish(job.seq, nonce, &outcome, None, now).unwrap();
    let ours = job.state.is_running() && !stale;
    assert_eq!(
        finished.is_some(),
        ours,
        "only the attempt that runs can end its job"
    );
    if ours && outcome.state == JobState::Failed && job.attempts_left > 0 {
        model.jobs[index].state = JobState::Queued;
        model.jobs[index].nonce.clear();
    } else if ours {
        model.end(index, outcome.state);
    }
}

fn cancel(ledger: &mut Ledger, model: &mut Model, index: usize) {
    let job = &mut model.jobs[index];
    let answer = ledger.cancel("local", &job.id, None, 15).unwrap();
    match (answer, job.state) {
        (CancelAnswer::Cancelled(_), JobState::Queued) => model.end(index, JobState::Cancelled),
        (CancelAnswer::Requested(_), state) if state.is_running() => job.cancel = true,
        (CancelAnswer::AlreadyEnded(_), state) if state.is_terminal() => {}
        other => panic!("{other:?}"),
    }
}

fn give_back(ledger: &mut Ledger, model: &mut Model, index: usize) {
    let job = &mut model.jobs[index];
    ledger.give_back(job.seq, &job.nonce, 0).unwrap();
    if job.state == JobState::Running {
        job.state = JobState::Queued;
        job.nonce.clear();
        job.attempts_left += 1;
    }
}

fn take(ledger: &mut Ledger, model: &mut Model, step: &Step, turn: usize) {
    let there = |index: usize| index < model.jobs.len();
    // Of those that run, if there are any: few steps would find one by its number.
    let busy = |index: usize| {
        let running = |index: &usize| model.jobs[*index].state.is_running();
        let busy: Vec<usize> = (0..model.jobs.len()).filter(running).collect();
        *busy.get(index % busy.len().max(1)).unwrap_or(&index)
    };
    match *step {
        Step::Accept { after, retries } => accept(ledger, model, after, retries),
        Step::Claim(job) if there(job) => claim(ledger, model, job, turn),
        Step::Finish { job, well, stale } if there(job) => {
            finish(ledger, model, job, turn, (well, stale))
        }
        Step::GiveBack(job) if there(job) => give_back(ledger, model, job),
        Step::Cancel(job) if there(job) => cancel(ledger, model, job),
        Step::Ask {
            job,
            keys,
            anew,
            stale,
        } if there(busy(job)) => {
            let job = busy(job);
            questions::ask(ledger, &mut model.jobs[job], keys, anew, stale);
        }
        Step::Answer { job, key, stale } if there(busy(job)) => {
            let job = busy(job);
            questions::answer(ledger, &mut model.jobs[job], key, stale, turn);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_and_its_model_never_disagree(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        // The model is about states, not about power cuts.
        ledger.conn.execute_batch("PRAGMA synchronous = OFF").unwrap();
        ledger.configure("max_jobs", &LIMIT.to_string()).unwrap();
        ledger.register_build("b", [("t", "h")].into_iter()).unwrap();
        let mut model = Model::default();
        for (turn, step) in steps.iter().enumerate() {
            take(&mut ledger, &mut model, step, turn);
            for job in &model.jobs {
                let record = ledger.job_by_seq(job.seq).unwrap().unwrap();
                prop_assert_eq!(record.state, job.state, "{} after {:?}", &job.id, step);
                prop_assert_eq!(record.completion_seq, job.completion);
                questions::compare(&ledger, &record, job);
            }
            prop_assert_eq!(ledger.count_alive().unwrap() as usize, model.running());
        }
        prop_assert_eq!(ledger.integrity_problems().unwrap(), Vec::<String>::new());
    }
}
