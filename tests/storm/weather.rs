//! What the storm does, step by step.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use bgjob_tests::Sandbox;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::{Found, Kind};
use rustix::process::Signal;

/// Submitters at work at once.
const AT_ONCE: usize = 4;

/// The storm's state.
pub struct Weather<'a> {
    sandbox: &'a Sandbox,
    oracle: &'a Oracle,
    random: u64,
    steps: u64,
    submitters: Vec<Child>,
    acknowledged: Vec<String>,
    stopped: Vec<JoinHandle<()>>,
    done: BTreeMap<&'static str, u64>,
}

impl<'a> Weather<'a> {
    /// Calm before the storm of `seed`.
    pub fn new(sandbox: &'a Sandbox, oracle: &'a Oracle, seed: u64) -> Self {
        Weather {
            sandbox,
            oracle,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            steps: 0,
            submitters: Vec::new(),
            acknowledged: Vec::new(),
            stopped: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    /// The ids that submitters were told.
    pub fn acknowledged(&self) -> &[String] {
        &self.acknowledged
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What was done, in words.
    pub fn summary(&self) -> String {
        let words: Vec<String> = self
            .done
            .iter()
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        words.join(", ")
    }

    /// A number below `most` (xorshift64*).
    fn below(&mut self, most: usize) -> usize {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let drawn = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or(0) % most.max(1)
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    /// Does one thing.
    pub fn step(&mut self) {
        self.steps += 1;
        match self.below(100) {
            0..60 => self.submit(),
            60..66 => self.kill(Kind::Supervisor, "supervisors killed"),
            66..72 => self.kill(Kind::Worker, "workers killed"),
            72..76 => self.stop(),
            76..84 => self.steer("cancel"),
            84..92 => self.steer("retry"),
            92..97 => self.kill_submitter(),
            _ => {
                self.count("looks");
                self.sandbox.run(["doctor"]);
            }
        }
    }

    fn submit(&mut self) {
        let socket = self.oracle.path();
        let choice = self.below(14);
        let args: Vec<&str> = match choice {
            0..4 => vec!["gate", "--socket", &socket],
            4..6 => vec!["note", "--text", "x"],
            6 => vec!["read_note"],
            7 => vec!["part", "--with", "true"],
            8 => vec!["exit", "--status", "3"],
            9 => vec!["panic", "--text", "x"],
            10 => vec!["sleep", "--ms", "200"],
            11 => vec![
                "litter", "--escape", "daemon", "--count", "2", "--stay", "false",
            ],
            12 => vec!["suicide", "--signal", "9"],
            _ => vec!["big", "--kib", "100"],
        };
        let line = ["run"].into_iter().chain(args).chain(["--detach"]);
        let child = self
            .sandbox
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        self.count("submissions");
        self.submitters.push(child.expect("a submitter starts"));
        if self.submitters.len() > AT_ONCE {
            let first = self.submitters.remove(0);
            self.collect(first);
        }
    }

    fn collect(&mut self, mut submitter: Child) {
        let mut told = String::new();
        if let Some(mut out) = submitter.stdout.take() {
            let _ = out.read_to_string(&mut told);
        }
        let _ = submitter.wait();
        // A line that was cut off is no acknowledgement.
        self.acknowledged.extend(
            told.split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'))
                .map(str::to_owned),
        );
    }

    fn kill_submitter(&mut self) {
        if let Some(mut submitter) = self.submitters.pop() {
            let _ = submitter.kill();
            self.collect(submitter);
            self.count("submitters killed");
        }
    }

    fn pick(&mut self, kind: Kind) -> Option<Found> {
        let mut found: Vec<Found> = self
            .sandbox
            .processes()
            .into_iter()
            .filter(|found| found.kind == kind)
            .collect();
        if found.is_empty() {
            return None;
        }
        let index = self.below(found.len());
        Some(found.swap_remove(index))
    }

    fn kill(&mut self, kind: Kind, what: &'static str) {
        if let Some(found) = self.pick(kind) {
            found.kill();
            self.count(what);
        }
    }

    fn stop(&mut self) {
        let kind = if self.below(3) == 0 {
            Kind::Worker
        } else {
            Kind::Supervisor
        };
        if let Some(found) = self.pick(kind) {
            found.signal(Signal::STOP);
            self.count("stops");
            // Not for long: whoever is stopped with the ledger's write lock stops everybody.
            let pause = Duration::from_millis(self.below(400) as u64);
            self.stopped.push(std::thread::spawn(move || {
                std::thread::sleep(pause);
                found.signal(Signal::CONT);
            }));
        }
    }

    fn steer(&mut self, how: &'static str) {
        if self.acknowledged.is_empty() {
            return;
        }
        // One of the latest: the old ones have ended.
        let span = self.acknowledged.len().min(12);
        let index = self.acknowledged.len() - 1 - self.below(span);
        let id = self.acknowledged[index].clone();
        if how == "retry" {
            let ran = self.sandbox.run(["jobs", "retry", &id, "--detach"]);
            if ran.code == Some(0) {
                self.acknowledged.push(ran.stdout.trim().to_owned());
                self.count("retries");
            }
        } else {
            self.sandbox
                .run(["jobs", "cancel", &id, "--grace", "100ms"]);
            self.count("cancels");
        }
    }

    /// Ends the storm: who was stopped goes on, who was at work finishes.
    pub fn calm(&mut self) {
        for stopped in self.stopped.drain(..) {
            let _ = stopped.join();
        }
        for submitter in std::mem::take(&mut self.submitters) {
            self.collect(submitter);
        }
    }
}
