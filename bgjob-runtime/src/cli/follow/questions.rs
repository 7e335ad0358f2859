//! Telling what a watched job asks, and how to answer.

use std::collections::HashSet;

use crate::cli::console::Console;
use crate::cli::render::style::{HELP, paint};
use crate::cli::render::{job, plain};
use crate::job::view::JobView;

/// Longest question that is told, in characters.
const WORDS: usize = 1000;

/// The questions that were told.
#[derive(Default)]
pub struct Questions {
    told: HashSet<(String, String, Option<String>)>,
}

impl Questions {
    /// What is asked and was not told yet.
    pub fn news(&mut self, views: &[JobView], console: &Console) -> Vec<String> {
        let mut news = Vec::new();
        for view in views {
            let id = job::id(view);
            for question in &view.questions {
                let seen = (
                    id.to_owned(),
                    question.key.clone(),
                    question.refused.clone(),
                );
                if self.told.insert(seen) {
                    let message = plain::line(&question.message, WORDS);
                    let answer = format!("jobs answer {id} --key {}", question.key);
                    let help = paint(HELP, "help:");
                    let answer = console.command(answer);
                    news.push(format!(
                        "{id} asks: {message}\n{help} answer in another terminal: {answer}"
                    ));
                }
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::question::QuestionView;
    use crate::job::view::ViewState;

    #[test]
    fn a_question_is_told_once_and_again_when_its_answer_was_refused() {
        let console = Console {
            quiet: false,
            prefix: "tank".into(),
        };
        let mut view = JobView {
            job_id: Some("t-9f3k2m7qw4x1a8bdc6tz".parse().unwrap()),
            questions: vec![QuestionView {
                key: "sure".into(),
                message: "Really?".into(),
                schema: serde_json::Map::new(),
                refused: None,
            }],
            ..JobView::bare(ViewState::InputRequired)
        };
        let mut questions = Questions::default();
        let news = questions.news(std::slice::from_ref(&view), &console);
        let text = anstream::adapter::strip_str(&news[0]).to_string();
        assert_eq!(
            text,
            "t-9f3k2m7qw4x1a8bdc6tz asks: Really?\nhelp: answer in another terminal: tank jobs answer t-9f3k2m7qw4x1a8bdc6tz --key sure"
        );
        assert!(
            questions
                .news(std::slice::from_ref(&view), &console)
                .is_empty()
        );
        view.questions[0].refused = Some("too young".into());
        assert_eq!(questions.news(&[view], &console).len(), 1);
    }
}
