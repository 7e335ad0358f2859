//! Every console of the guide is run, in order, in one home for each chapter, and says what the chapter shows.
//!
//! `$ ` begins a command, `> ` goes on with it, what follows is its output (both streams). A `…` stands for anything.
//! A command without output shown must succeed. With `BLESS=1` the output is written anew where it differs.

use std::fs;
use std::ops::Range;

use bgjob_book::{Block, Chapter, chapters, src};

use crate::normal::{Ids, fits};
use crate::programs::Home;
use crate::quick_start;
use crate::{blessing, none};

struct Step {
    /// As the chapter has it.
    prompt: String,
    command: String,
    shown: String,
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                prompt: format!("{line}\n"),
                command: command.to_owned(),
                shown: String::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ").filter(|_| step.shown.is_empty()) {
                Some(more) => {
                    step.prompt += &format!("{line}\n");
                    step.command += &format!("\n{more}");
                }
                None => step.shown += &format!("{line}\n"),
            }
        }
    }
    steps
}

/// The block as it should be; what was wrong with it goes to `offenders`.
fn check(
    home: &mut Home,
    block: &Block,
    ids: &mut (Ids, Ids),
    offenders: &mut Vec<String>,
) -> String {
    let mut written = String::new();
    for step in steps(block) {
        // Ids of a run before, in the command, are the ids of this run.
        let command = ids.0.translate(&step.command, &ids.1);
        let (said, code) = home.step(&command);
        let shown = ids.0.normal(&step.shown);
        let normal = ids.1.normal(&said);
        let right = fits(&shown, &normal) && (code == 0 || !shown.is_empty());
        if !right {
            offenders.push(format!(
                "$ {command}\nexit {code}, said:\n{normal}\nshown:\n{shown}\n"
            ));
        }
        written += &step.prompt;
        written += if right { &step.shown } else { &said };
    }
    written
}

/// A chapter's consoles, followed in order.
pub struct Session<'a> {
    chapter: &'a Chapter,
    ids: (Ids, Ids),
    offenders: Vec<String>,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Session<'a> {
    pub fn new(chapter: &'a Chapter) -> Self {
        Session {
            chapter,
            ids: Default::default(),
            offenders: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub fn follow(&mut self, home: &mut Home, block: &Block) {
        let mut wrong = Vec::new();
        let text = check(home, block, &mut self.ids, &mut wrong);
        if !wrong.is_empty() {
            self.changes.push((block.range.clone(), text));
        }
        let at = |why| format!("{}:{}: {why}", self.chapter.path, block.line);
        self.offenders.extend(wrong.into_iter().map(at));
    }

    /// What went another way; where it is blessed, the chapter says so from now on.
    pub fn end(self) -> Vec<String> {
        if blessing() && !self.changes.is_empty() {
            let mut text = self.chapter.text.clone();
            for (range, written) in self.changes.into_iter().rev() {
                text.replace_range(range, &written);
            }
            fs::write(src().join(&self.chapter.path), text).unwrap();
        }
        self.offenders
    }
}

fn run(chapter: &Chapter) -> Vec<String> {
    let (mut home, mut session) = (Home::new(), Session::new(chapter));
    for block in chapter.blocks() {
        if block.language() == "console" && block.not_run().is_none() {
            session.follow(&mut home, &block);
        }
    }
    session.end()
}

#[test]
fn every_console_says_what_the_chapter_shows() {
    let all = chapters();
    let has_console = |chapter: &&Chapter| {
        chapter.path != quick_start::CHAPTER
            && chapter
                .blocks()
                .iter()
                .any(|block| block.language() == "console")
    };
    let offenders: Vec<String> = std::thread::scope(|scope| {
        let runs = all
            .iter()
            .filter(has_console)
            .map(|chapter| scope.spawn(|| run(chapter)));
        let runs: Vec<_> = runs.collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap())
            .collect()
    });
    none(
        "consoles that say something else (BLESS=1 writes them anew)",
        &offenders,
    );
}
