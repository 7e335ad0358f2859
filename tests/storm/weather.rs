//! What the storm does, step by step.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use bgjob_tests::Sandbox;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::{Found, Kind};
use rustix::process::Signal;

use crate::calls::{Call, Told, draw};
use crate::gusts::Gusts;

/// Submitters at work at once.
const AT_ONCE: usize = 4;
/// No more is submitted while more jobs than this are queued: the storm shall come to rest.
const QUEUE: i64 = 100;

/// The storm's state.
pub struct Weather<'a> {
    sandbox: &'a Sandbox,
    oracle: &'a Oracle,
    random: u64,
    steps: u64,
    submitters: Vec<(Child, Call)>,
    told: Told,
    stopped: Vec<JoinHandle<()>>,
    done: BTreeMap<&'static str, u64>,
    gusts: Gusts,
    trouble: Vec<String>,
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
            told: Told::default(),
            stopped: Vec::new(),
            done: BTreeMap::new(),
            gusts: Gusts::default(),
            trouble: Vec::new(),
        }
    }

    /// What submitters were told.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Answers that nobody should get, since the last look.
    pub fn trouble(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trouble)
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
        below(&mut self.random, most)
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    /// Does one thing.
    pub fn step(&mut self) {
        self.steps += 1;
        match self.below(120) {
            0..60 => self.submit(),
            60..65 => self.kill(Kind::Supervisor, "supervisors killed"),
            65..70 => self.kill(Kind::Worker, "workers killed"),
            70..72 => self.kill(Kind::Descendant, "descendants killed"),
            72..76 => self.stop(),
            76..82 => self.steer("cancel"),
            82..88 => self.steer("retry"),
            88..94 => self.kill_submitter(),
            94..97 => self.change_state(),
            97..100 => {
                self.count("looks");
                self.sandbox.run(["doctor"]);
            }
            100..112 => self.answer(),
            _ => self.gust(),
        }
    }

    /// Answers what a job asks, or one of the latest jobs whether it asks or not.
    fn answer(&mut self) {
        let mut open = open_questions(self.sandbox);
        if open.is_empty() || self.below(5) == 0 {
            let recent = self.told.recent().iter();
            open = recent.map(|id| (id.clone(), "a".to_owned())).collect();
        }
        if open.is_empty() {
            return;
        }
        let (id, key) = open.swap_remove(self.below(open.len()));
        let number = (self.below(12) > 0).then(|| self.below(250));
        self.count("answers");
        self.start(Call::answer(&id, &key, number));
    }

    fn submit(&mut self) {
        let sql = "SELECT count(*) FROM job WHERE state = 'queued'";
        let ledger = self.sandbox.ledger();
        let queued = ledger.query_row(sql, [], |row| row.get::<_, i64>(0));
        drop(ledger);
        if queued.expect("the ledger reads") > QUEUE {
            self.count("pauses");
            std::thread::park_timeout(Duration::from_millis(50));
            return;
        }
        let (steps, socket) = (self.steps, self.oracle.path());
        let random = &mut self.random;
        let call = draw(steps, &socket, self.told.recent(), |most| {
            below(random, most)
        });
        self.count("submissions");
        self.start(call);
    }

    /// Values set by hand and resets, among the jobs that write and read the field.
    fn change_state(&mut self) {
        let value = format!("{{\"text\": \"by hand {}\"}}", self.steps);
        if self.below(2) == 0 {
            self.count("resets");
            self.start(Call::plain(&["state", "reset", "note"]));
        } else {
            self.count("values set");
            self.start(Call::plain(&["state", "set", "note", &value]));
        }
    }

    fn start(&mut self, call: Call) {
        let mut command = self.sandbox.command(&call.args);
        if let Some(orders) = self.gusts.of_a_front_end(self.sandbox) {
            command.env("BGJOB_FAILPOINTS", orders);
        }
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        self.submitters
            .push((child.expect("a submitter starts"), call));
        if self.submitters.len() > AT_ONCE {
            let (child, call) = self.submitters.remove(0);
            self.collect(child, &call);
        }
    }

    fn collect(&mut self, submitter: Child, call: &Call) {
        let output = submitter.wait_with_output().expect("a submitter ends");
        // A line that was cut off is no acknowledgement.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if call.submits {
            let ids = text
                .split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'))
                .map(str::to_owned)
                .collect();
            self.told.take(call, ids);
        }
        if output.status.code() == Some(0) {
            self.told.answered(call);
        }
        // Done, refused for a reason that the caller can see, or killed; with a failing disk, an error.
        let fine = matches!(output.status.code(), Some(0..=2) | None);
        if !fine && !self.gusts.excuse(&output.stderr) {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            self.trouble
                .push(format!("{:?} ended {}: {told}", call.args, output.status));
        }
    }

    fn kill_submitter(&mut self) {
        if let Some((mut submitter, call)) = self.submitters.pop() {
            let _ = submitter.kill();
            self.collect(submitter, &call);
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
        // One of the latest: the old ones have ended.
        let span = self.told.recent().len();
        if span == 0 {
            return;
        }
        let index = self.below(span);
        let id = self.told.recent()[index].clone();
        if how == "retry" {
            let ran = self.sandbox.run(["jobs", "retry", &id, "--detach"]);
            if ran.code == Some(0) {
                let retried = ran.stdout.trim().to_owned();
                self.told.take(&Call::default(), vec![retried]);
                self.count("retries by hand");
            }
        } else {
            self.sandbox
                .run(["jobs", "cancel", &id, "--grace", "100ms"]);
            self.count("cancels");
        }
    }

    fn gust(&mut self) {
        let random = &mut self.random;
        if let Some(what) = self.gusts.blow(self.sandbox, |most| below(random, most)) {
            self.count(what);
        }
    }

    /// Ends the storm: who was stopped goes on, who was at work finishes.
    pub fn calm(&mut self) {
        self.sandbox.withdraw_orders();
        for stopped in self.stopped.drain(..) {
            let _ = stopped.join();
        }
        for (submitter, call) in std::mem::take(&mut self.submitters) {
            self.collect(submitter, &call);
        }
    }
}

/// What is asked now: jobs and keys.
pub fn open_questions(sandbox: &Sandbox) -> Vec<(String, String)> {
    let sql = "SELECT j.id, q.key FROM question q JOIN job j ON j.seq = q.job AND j.nonce = q.nonce
               WHERE j.state = 'input_required' AND q.answer IS NULL";
    let ledger = sandbox.ledger();
    let mut statement = ledger.prepare(sql).expect("the query is right");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows = rows.expect("the ledger reads");
    rows.map(|row| row.expect("a row")).collect()
}

fn below(random: &mut u64, most: usize) -> usize {
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    let drawn = random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
    usize::try_from(drawn).unwrap_or(0) % most.max(1)
}
