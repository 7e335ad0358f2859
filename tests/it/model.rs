//! Random sequences of what users and fate do to jobs, on real processes, beside a model of what must
//! come of them: after each step the ledger, the bodies at the gate and the model agree. Some bodies ask
//! before they come to the gate.
//!
//! The ledger alone is held against such a model in `bgjob-runtime`, with far more sequences.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::{Found, Kind};
use bgjob_tests::{Sandbox, until};

use crate::sandbox;

const LIMIT: usize = 2;
const STEPS: usize = 14;

#[derive(Clone, Copy, Debug)]
enum Step {
    Accept { asks: bool, after: Option<usize> },
    Answer(usize),
    Release(usize),
    KillWorker(usize),
    KillSupervisor(usize),
    Cancel(usize),
    Retry(usize),
}

/// What the model knows of a job.
#[derive(Clone, Debug)]
struct Modelled {
    id: String,
    state: &'static str,
    waits_for: Option<usize>,
    asks: bool,
    /// What it was told.
    answer: Option<usize>,
}

#[derive(Default)]
struct Model {
    jobs: Vec<Modelled>,
    /// Bodies that came to the gate.
    begun: usize,
}

impl Model {
    fn is(&self, index: usize, states: &[&str]) -> bool {
        let job = self.jobs.get(index);
        job.is_some_and(|job| states.contains(&job.state))
    }

    fn ended(&self, index: usize) -> bool {
        self.is(index, &["completed", "failed", "cancelled"])
    }

    fn live(&self) -> usize {
        let live = ["running", "input_required"];
        let jobs = self.jobs.iter();
        jobs.filter(|job| live.contains(&job.state)).count()
    }

    fn running(&self) -> Vec<String> {
        let running = self.jobs.iter().filter(|job| job.state == "running");
        let mut ids: Vec<String> = running.map(|job| job.id.clone()).collect();
        ids.sort();
        ids
    }

    fn accept(&mut self, id: String, asks: bool, after: Option<usize>) {
        self.jobs.push(Modelled {
            id,
            state: "queued",
            waits_for: after.filter(|index| !self.ended(*index)),
            asks,
            answer: None,
        });
    }

    fn end(&mut self, index: usize, state: &'static str) {
        self.jobs[index].state = state;
        for other in 0..self.jobs.len() {
            if self.jobs[other].waits_for == Some(index) {
                self.jobs[other].waits_for = None;
                if state != "completed" && self.jobs[other].state == "queued" {
                    self.end(other, "failed");
                }
            }
        }
    }

    /// Free slots go to those who have waited longest and wait for nobody.
    fn start_what_may(&mut self) {
        while self.live() < LIMIT {
            let next = self
                .jobs
                .iter_mut()
                .find(|job| job.state == "queued" && job.waits_for.is_none());
            match next {
                Some(job) if job.asks => job.state = "input_required",
                Some(job) => {
                    job.state = "running";
                    self.begun += 1;
                }
                None => return,
            }
        }
    }
}

struct World {
    sandbox: Sandbox,
    oracle: Oracle,
    model: Model,
}

impl World {
    fn submit(&self, asks: bool, after: Option<usize>) -> String {
        let socket = self.oracle.path();
        let tool = if asks { "ask_at_gate" } else { "gate" };
        let mut line = vec!["run", tool, "--detach", "--socket", &socket];
        if let Some(index) = after {
            line.extend(["--after", &self.model.jobs[index].id]);
        }
        let ran = self.sandbox.run(line);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    }

    /// The process that holds the job's own lock, or its tree's.
    fn process(&self, index: usize, kind: Kind) -> Found {
        let file = match kind {
            Kind::Supervisor => "lock",
            _ => "tree.lock",
        };
        let path = self.sandbox.job_dir(&self.model.jobs[index].id).join(file);
        let holds = |found: &Found| {
            std::fs::read_dir(format!("/proc/{}/fd", found.pid))
                .into_iter()
                .flatten()
                .flatten()
                .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == path))
        };
        let mut processes = self.sandbox.processes().into_iter();
        let found = processes.find(|found| found.kind == kind && holds(found));
        found.expect("the job has it")
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Accept { asks, after } => {
                let id = self.submit(asks, after);
                self.model.accept(id, asks, after);
            }
            Step::Answer(index) => self.answer(index),
            Step::Release(index) => {
                self.oracle.release(&self.model.jobs[index].id);
                self.model.end(index, "completed");
            }
            Step::KillWorker(index) => {
                self.process(index, Kind::Worker).kill();
                self.model.end(index, "failed");
            }
            Step::KillSupervisor(index) => {
                self.process(index, Kind::Supervisor).kill();
                self.model.end(index, "failed");
                // Its death is seen by whoever looks next.
                let id = self.model.jobs[index].id.clone();
                self.sandbox.wait(&id);
            }
            Step::Cancel(index) => {
                let id = &self.model.jobs[index].id;
                let ran = self.sandbox.run(["jobs", "cancel", id, "--grace", "0s"]);
                assert_eq!(ran.code, Some(0), "{ran:?}");
                if !self.model.ended(index) {
                    self.model.end(index, "cancelled");
                }
            }
            Step::Retry(index) => {
                let job = &self.model.jobs[index];
                let (id, asks) = (&job.id, job.asks);
                let ran = self.sandbox.run(["jobs", "retry", id, "--detach"]);
                assert_eq!(ran.code, Some(0), "{ran:?}");
                self.model.accept(ran.stdout.trim().to_owned(), asks, None);
            }
        }
        self.model.start_what_may();
    }

    /// Whoever asks is answered and goes on to the gate; an answer to nobody is refused.
    fn answer(&mut self, index: usize) {
        let number = self.model.begun;
        let asks = self.model.is(index, &["input_required"]);
        let job = &mut self.model.jobs[index];
        let answer = number.to_string();
        let ran = self.sandbox.run(["jobs", "answer", &job.id, &answer]);
        assert_eq!(ran.code, Some(if asks { 0 } else { 2 }), "{ran:?}");
        if asks {
            (job.state, job.answer) = ("running", Some(number));
            self.model.begun += 1;
        }
    }

    fn results_hold_what_was_answered(&self) {
        let answered = |job: &&Modelled| job.state == "completed" && job.asks;
        for job in self.model.jobs.iter().filter(answered) {
            let view = self.sandbox.show(&job.id);
            assert_eq!(view["result"], serde_json::json!(job.answer), "{view}");
        }
    }

    fn agrees(&self) -> bool {
        let jobs = &self.model.jobs;
        jobs.iter()
            .all(|job| self.sandbox.recorded(&job.id) == job.state)
            && self.oracle.waiting() == self.model.running()
    }
}

/// A step that makes sense in this state, drawn with `below`.
fn draw(model: &Model, mut below: impl FnMut(usize) -> usize) -> Step {
    loop {
        let index = below(model.jobs.len().max(1));
        let runs = model.is(index, &["running"]);
        let asks = model.is(index, &["input_required"]);
        let awaitable = ["queued", "running", "input_required", "completed"];
        match below(16) {
            kind @ 0..4 => {
                let asks = kind >= 2;
                return Step::Accept { asks, after: None };
            }
            kind @ 4..6 if model.is(index, &awaitable) => {
                let (asks, after) = (kind == 5, Some(index));
                return Step::Accept { asks, after };
            }
            6..9 if runs => return Step::Release(index),
            9 if runs || asks => return Step::KillWorker(index),
            10 if runs || asks => return Step::KillSupervisor(index),
            11 if index < model.jobs.len() => return Step::Cancel(index),
            12 if model.ended(index) => return Step::Retry(index),
            13..15 if asks => return Step::Answer(index),
            15 if index < model.jobs.len() => return Step::Answer(index),
            _ => {}
        }
    }
}

fn replay(seed: u64) {
    let sandbox = sandbox();
    sandbox.set("max_jobs", &LIMIT.to_string());
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut world = World {
        sandbox,
        oracle,
        model: Model::default(),
    };
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |most: usize| {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        usize::try_from(random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0) % most
    };
    let mut taken = Vec::new();
    for _ in 0..STEPS {
        let step = draw(&world.model, &mut below);
        taken.push(step);
        world.take(step);
        until(&format!("seed {seed}: the model after {taken:?}"), || {
            world.agrees()
        });
    }
    assert_eq!(world.oracle.starts().len(), world.model.begun, "{taken:?}");
    world.results_hold_what_was_answered();
    for job in &world.model.jobs {
        world
            .sandbox
            .run(["jobs", "cancel", &job.id, "--grace", "0s"]);
    }
    world.sandbox.settle();
}

#[test]
fn real_processes_and_the_model_never_disagree() {
    for seed in 1..=4 {
        replay(seed);
    }
}

/// Most of their time is spent in waiting for one another's processes, so some go on at once.
#[test]
#[ignore = "takes a minute or two"]
fn a_hundred_sequences_of_real_processes_agree_with_the_model() {
    let at_once = 4;
    std::thread::scope(|scope| {
        for first in 0..at_once {
            scope.spawn(move || (100..200).skip(first).step_by(at_once).for_each(replay));
        }
    });
}
