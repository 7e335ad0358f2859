//! What the storm's submitters ask for, and what they were promised.

use std::collections::{BTreeMap, BTreeSet};

use bgjob_tests::Sandbox;
use serde_json::{Value, json};

/// Idempotency keys in use: few, so that they meet again.
const KEYS: usize = 40;

/// A command line, and what its answer means.
#[derive(Debug, Default)]
pub struct Call {
    /// The arguments.
    pub args: Vec<String>,
    /// Whether it prints the id of a job.
    pub submits: bool,
    /// The idempotency key that it gives.
    pub key: Option<String>,
    /// The job that it shall wait for.
    pub after: Option<String>,
    /// The job and the key that it answers, and with what.
    pub answer: Option<(String, String, Value)>,
}

impl Call {
    /// A command that submits nothing.
    pub fn plain(args: &[&str]) -> Self {
        Call {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Call::default()
        }
    }

    fn run(args: &[&str]) -> Self {
        let line = ["run"].iter().chain(args).chain(&["--detach"]);
        Call {
            args: line.map(|arg| (*arg).to_owned()).collect(),
            submits: true,
            ..Call::default()
        }
    }

    /// An answer to what a job asks; `None` does not want to say.
    pub fn answer(id: &str, key: &str, number: Option<usize>) -> Self {
        let word = number.map_or("--decline".to_owned(), |number| number.to_string());
        let answer = number.map_or(json!("declined"), |number| json!({"value": number}));
        Call {
            answer: Some((id.to_owned(), key.to_owned(), answer)),
            ..Call::plain(&["jobs", "answer", id, "--key", key, &word])
        }
    }

    fn with(mut self, option: &str, value: &str) -> Self {
        self.args.extend([option.to_owned(), value.to_owned()]);
        self
    }
}

/// Draws the `number`th submission: `below` draws a number below another, `recent` are ids of jobs.
pub fn draw(
    number: u64,
    socket: &str,
    recent: &[String],
    mut below: impl FnMut(usize) -> usize,
) -> Call {
    let word = format!("<{number}>");
    let until = (1 + below(4)).to_string();
    match below(28) {
        0..4 => Call::run(&["gate", "--socket", socket]),
        4 => Call::run(&["one_gate", "--socket", socket]),
        5..7 => Call::run(&["note", "--text", &word]),
        7..10 => Call::run(&["append", "--text", &word]),
        10 => Call::run(&["read_note"]),
        11 => Call::run(&["part", "--with", ["true", "false"][below(2)]]),
        12 => Call::run(&["exit", "--status", "3"]),
        13 => Call::run(&["panic", "--text", "x"]),
        14 => Call::run(&["sleep", "--ms", "200"]),
        15 => Call::run(&[
            "litter", "--escape", "daemon", "--count", "2", "--stay", "false",
        ]),
        16 => Call::run(&["suicide", "--signal", "9"]),
        17 => Call::run(&["big", "--kib", "100"]),
        18..21 => {
            let end = ["passing", "passing", "exit", "exit", "lasting", "sleep"][below(6)];
            Call::run(&["persevere", "--end", end, "--until", &until]).with("--socket", socket)
        }
        21 => Call::run(&["second_time", "--socket", socket]),
        22 => Call::run(&["add_up", "--upto", "30", "--killed-at", "17"]),
        23..25 => keyed(below(KEYS), below(6) == 0),
        25..27 => Call::run(&["ask_in_turn", "--keys", "[\"a\", \"b\"]"]),
        _ => after(recent, &word, below),
    }
}

/// The same key with the same input, most of the time.
fn keyed(key: usize, other_input: bool) -> Call {
    let name = format!("key-{key}");
    let a = if other_input { "-1" } else { "1" };
    let b = key.to_string();
    Call {
        key: Some(name.clone()),
        ..Call::run(&["add", "--b", &b])
            .with("--a", a)
            .with("--key", &name)
    }
}

/// Something behind one of the latest jobs.
fn after(recent: &[String], word: &str, mut below: impl FnMut(usize) -> usize) -> Call {
    let Some(awaited) = recent.get(below(recent.len().max(1))) else {
        return Call::run(&["note", "--text", word]);
    };
    let tool = ["note", "append"][below(2)];
    Call {
        after: Some(awaited.clone()),
        ..Call::run(&[tool, "--text", word]).with("--after", awaited)
    }
}

/// What submitters were told.
#[derive(Debug, Default)]
pub struct Told {
    ids: Vec<String>,
    keys: BTreeMap<String, BTreeSet<String>>,
    afters: Vec<(String, String)>,
    answers: Vec<(String, String, Value)>,
}

impl Told {
    /// Notes the ids that a submitter printed.
    pub fn take(&mut self, call: &Call, ids: Vec<String>) {
        for id in ids {
            if let Some(key) = &call.key {
                let known = self.keys.entry(key.clone()).or_default();
                known.insert(id.clone());
            }
            if let Some(awaited) = &call.after {
                self.afters.push((id.clone(), awaited.clone()));
            }
            self.ids.push(id);
        }
    }

    /// Notes an answer that was taken.
    pub fn answered(&mut self, call: &Call) {
        self.answers.extend(call.answer.clone());
    }

    /// How many answers were taken.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Every acknowledged id.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Answers that named a job which another answer had named.
    pub fn replayed(&self) -> usize {
        self.ids.len() - self.ids.iter().collect::<BTreeSet<_>>().len()
    }

    /// The ids of the last few: what was told before them has ended by now.
    pub fn recent(&self) -> &[String] {
        &self.ids[self.ids.len().saturating_sub(12)..]
    }

    /// Promises that were not kept.
    pub fn broken(&self, sandbox: &Sandbox) -> Vec<String> {
        let mut found = Vec::new();
        for (key, ids) in &self.keys {
            if ids.len() > 1 {
                found.push(format!("{key} stands for {ids:?}"));
            }
        }
        self.lost_answers(sandbox, &mut found);
        let ledger = sandbox.ledger();
        let mut statement = ledger
            .prepare(
                "SELECT t.state, t.seq FROM transition t JOIN job j ON j.seq = t.job WHERE j.id = ?1
                 ORDER BY t.seq",
            )
            .expect("the query is right");
        let mut first = |id: &str, state: &str| -> Option<i64> {
            let moves = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)));
            let moves: Vec<(String, i64)> = moves
                .expect("the ledger reads")
                .map(|row| row.expect("a row"))
                .collect();
            moves
                .into_iter()
                .find(|(to, _)| to == state)
                .map(|(_, seq)| seq)
        };
        for (id, awaited) in &self.afters {
            let (begun, done) = (first(id, "running"), first(awaited, "completed"));
            if begun.is_some_and(|begun| done.is_none_or(|done| done > begun)) {
                found.push(format!(
                    "{id} began at {begun:?}, and {awaited}, which it waits for, completed at {done:?}"
                ));
            }
        }
        found
    }

    /// An answer that was taken stands, and is the only one.
    fn lost_answers(&self, sandbox: &Sandbox, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        let sql = "SELECT q.answer FROM question q JOIN job j ON j.seq = q.job WHERE j.id = ?1 AND q.key = ?2";
        let ledger = sandbox.ledger();
        for (id, key, answer) in &self.answers {
            let kept = ledger.query_row(sql, [id, key], |row| row.get::<_, Option<String>>(0));
            let kept: Option<Value> = kept
                .ok()
                .flatten()
                .and_then(|kept| serde_json::from_str(&kept).ok());
            if kept.as_ref() != Some(answer) || !seen.insert((id, key)) {
                found.push(format!(
                    "`{key}` of {id} was answered {answer} and is {kept:?}"
                ));
            }
        }
    }
}
