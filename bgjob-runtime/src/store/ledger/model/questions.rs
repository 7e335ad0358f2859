//! The model's questions: who asks what, and what was answered to whom.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Modelled;
use crate::error::Code;
use crate::job::question::{Answer, Delivery, QuestionRecord, Wanted};
use crate::job::record::JobRecord;
use crate::job::state::JobState;
use crate::store::ledger::{Given, Ledger};

const KEYS: [&str; 2] = ["a", "b"];

/// What the model knows of a question.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    round: u32,
    /// The attempt that asks it, or was told the answer.
    by: Option<String>,
    answer: Option<usize>,
}

impl Modelled {
    fn open(&self) -> BTreeMap<String, u32> {
        let open = self.asked.iter().filter(|(_, asked)| {
            self.state == JobState::InputRequired
                && asked.answer.is_none()
                && asked.by.as_ref() == Some(&self.nonce)
        });
        open.map(|(key, asked)| ((*key).to_owned(), asked.round))
            .collect()
    }

    fn settle(&mut self) {
        self.state = JobState::InputRequired;
        if self.open().is_empty() {
            self.state = JobState::Running;
        }
    }
}

fn wanted(key: &str, round: u32) -> Wanted {
    Wanted {
        key: key.into(),
        message: format!("How much is {key}?"),
        schema: Map::from_iter([("type".to_owned(), json!("integer"))]),
        round,
        refused: None,
    }
}

/// The attempt that runs, or an earlier one, asks the keys of the set `keys` and no others.
pub(super) fn ask(ledger: &mut Ledger, job: &mut Modelled, keys: usize, anew: bool, stale: bool) {
    let nonce = if stale {
        "of another attempt"
    } else {
        &job.nonce
    }
    .to_owned();
    let chosen = KEYS.iter().enumerate();
    let chosen = chosen.filter(|(place, _)| keys & (1 << place) != 0);
    let asks: Vec<(&'static str, u32)> = chosen
        .map(|(_, key)| {
            let round = job.asked.get(key).map_or(0, |asked| asked.round + 1);
            (*key, if anew { round } else { 0 })
        })
        .collect();
    let sent: Vec<Wanted> = asks
        .iter()
        .map(|(key, round)| wanted(key, *round))
        .collect();
    let changed = ledger.ask(job.seq, &nonce, &sent, 12).unwrap();
    if stale || !job.state.is_running() {
        assert!(changed.is_none(), "only the attempt that runs can ask");
        return;
    }
    for (key, asked) in &mut job.asked {
        let withdrawn = asks.iter().all(|(other, _)| other != key);
        if withdrawn && asked.answer.is_none() && asked.by.as_ref() == Some(&nonce) {
            asked.by = None;
        }
    }
    for (key, round) in asks {
        let asked = job.asked.entry(key).or_insert(Asked {
            round,
            by: None,
            answer: None,
        });
        asked.by = Some(nonce.clone());
        if round > asked.round {
            (asked.round, asked.answer) = (round, None);
        }
    }
    job.settle();
}

/// Somebody answers a question that is open, or was.
pub(super) fn answer(
    ledger: &mut Ledger,
    job: &mut Modelled,
    key: usize,
    stale: bool,
    turn: usize,
) {
    let key = KEYS[key];
    let open = job.open().get(key).copied();
    let known = job.asked.get(key).map_or(0, |asked| asked.round);
    let round = if stale { known + 1 } else { known };
    let wanted = wanted(key, round);
    let given = Given {
        question: QuestionRecord {
            key: wanted.key,
            round,
            message: wanted.message,
            schema: wanted.schema,
            refused: None,
        },
        answer: Answer::Value(json!(turn)),
    };
    match ledger.answer("local", &job.id, &[given], 13) {
        Ok(_) => {
            assert_eq!(open, Some(round), "what is not asked is not answered");
            if let Some(asked) = job.asked.get_mut(key) {
                asked.answer = Some(turn);
            }
            job.settle();
        }
        Err(error) => {
            assert_eq!(error.code, Code::NoOpenQuestion);
            assert_ne!(open, Some(round), "{error}");
        }
    }
}

/// What is open, and what the attempt that runs is told, is as the model has it.
pub(super) fn compare(ledger: &Ledger, record: &JobRecord, job: &Modelled) {
    let open = ledger.open_questions(record).unwrap().into_iter();
    let open: BTreeMap<String, u32> = open.map(|asked| (asked.key, asked.round)).collect();
    assert_eq!(open, job.open(), "{}", job.id);
    let told = job.asked.iter().filter_map(|(key, asked)| {
        let answer = asked
            .answer
            .filter(|_| asked.by.as_ref() == Some(&job.nonce))?;
        let delivery = Delivery {
            round: asked.round,
            answer: Answer::Value(Value::from(answer)),
        };
        Some(((*key).to_owned(), delivery))
    });
    let told: BTreeMap<String, Delivery> = told.collect();
    assert_eq!(
        ledger.answers(job.seq, &job.nonce).unwrap(),
        told,
        "{}",
        job.id
    );
}
