//! `jobs answer`

use std::io::{self, IsTerminal};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::run::read_text;
use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::flags::flag_value;
use crate::cli::prompt;
use crate::cli::render::job;
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::question::{Answer, QuestionRecord};
use crate::job::request::Owner;
use crate::job::view::JobView;

/// `jobs answer`
pub fn command() -> Command {
    Command::new("answer")
        .about("Answer what a job asks")
        .arg(args::ids(false))
        .arg(
            Arg::new("VALUE")
                .allow_hyphen_values(true)
                .help("The answer: JSON, or a text. Asked for on a terminal when it is left out"),
        )
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("KEY")
                .help("Which question, when the job asks several"),
        )
        .arg(
            Arg::new("input")
                .long("input")
                .value_name("FILE")
                .conflicts_with("VALUE")
                .help("Read the answer from a JSON file, or from standard input with `-`"),
        )
        .arg(
            Arg::new("decline")
                .long("decline")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["VALUE", "input"])
                .help("Say that you do not want to answer"),
        )
        .arg(args::json("Print the job as a JSON object"))
        .after_help("`jobs show` lists what a job asks.")
}

/// Answers. The job goes on by itself.
///
/// # Errors
/// What stopped it; nothing is answered then.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    let open = session.service()?.questions(&Owner::local(), &id)?;
    let key = given.get_one::<String>("key");
    let view = match answer_in(given, &open, key)? {
        Some((key, answer)) => answer_one(session, &id, key, answer)?,
        None => ask(session, &id, open, key)?,
    };
    // A job whose supervisor died would hear nothing of it.
    session.service()?.reconcile()?;
    let console = &session.console;
    if given.get_flag(args::JSON) {
        console.json(&view)?;
        return Ok(Ending::Ok);
    }
    console.print(format_args!("{} {}", job::id(&view), told(&view)))?;
    console.say(format_args!(
        "watch it: {}",
        console.command(format_args!("jobs wait {id}"))
    ));
    Ok(Ending::Ok)
}

fn told(view: &JobView) -> String {
    match view.questions.len() {
        0 => "was answered and goes on".into(),
        1 => "was answered and asks one more question".into(),
        more => format!("was answered and asks {more} more questions"),
    }
}

/// What the command line says; `None` when it leaves the answer out.
fn answer_in(
    given: &ArgMatches,
    open: &[QuestionRecord],
    key: Option<&String>,
) -> Result<Option<(String, Answer)>> {
    let text = given.get_one::<String>("VALUE");
    let file = given.get_one::<String>("input");
    if text.is_none() && file.is_none() && !given.get_flag("decline") {
        return Ok(None);
    }
    let key = which(open, key)?;
    let answer = match (text, file) {
        (Some(text), _) => Answer::Value(value_of(text, open, &key)),
        (None, Some(file)) => Answer::Value(json_in(file)?),
        (None, None) => Answer::Declined,
    };
    Ok(Some((key, answer)))
}

/// The question that is meant: the only one unless a key is given. One that is not there is refused as
/// any other.
fn which(open: &[QuestionRecord], key: Option<&String>) -> Result<String> {
    match (key, open) {
        (Some(key), _) => Ok(key.clone()),
        (None, []) => Ok(String::new()),
        (None, [only]) => Ok(only.key.clone()),
        (None, several) => {
            let keys: Vec<&str> = several.iter().map(|one| one.key.as_str()).collect();
            let error = Error::new(Code::MissingArgument, "the job asks several questions");
            Err(error.remedy(format!("add --key with one of {}", keys.join(", "))))
        }
    }
}

fn value_of(text: &str, open: &[QuestionRecord], key: &str) -> Value {
    let question = open.iter().find(|question| question.key == key);
    let schema = question.map_or(Value::Null, |question| {
        Value::Object(question.schema.clone())
    });
    flag_value(text, &schema, &schema)
}

fn json_in(file: &str) -> Result<Value> {
    serde_json::from_slice(&read_text(file)?).map_err(|error| {
        Error::new(
            Code::InvalidArgument,
            format!("`{file}` holds no answer: it is not JSON: {error}"),
        )
    })
}

fn answer_one(session: &Session<'_>, id: &JobId, key: String, answer: Answer) -> Result<JobView> {
    session
        .service()?
        .answer(&Owner::local(), id, vec![(key, answer)])
        .map_err(for_people)
}

/// The same refusal in terms of this command.
fn for_people(error: Error) -> Error {
    match (error.code, &error.remedy) {
        (Code::InvalidArgument, Some(remedy)) => {
            let remedy = remedy.replace(" and call again", "");
            error.remedy(remedy)
        }
        _ => error,
    }
}

/// Asks the person at the terminal, one question after the other.
fn ask(
    session: &Session<'_>,
    id: &JobId,
    open: Vec<QuestionRecord>,
    key: Option<&String>,
) -> Result<JobView> {
    let open: Vec<QuestionRecord> = match key {
        Some(key) => open.into_iter().filter(|one| one.key == *key).collect(),
        None => open,
    };
    let Some(first) = open.first() else {
        // Refused in the words of every other answer to nothing.
        return answer_one(
            session,
            id,
            key.cloned().unwrap_or_default(),
            Answer::Declined,
        );
    };
    if !io::stdin().is_terminal() {
        let error = Error::new(Code::MissingArgument, "no answer is given");
        return Err(error.remedy(format!(
            "type: {}",
            session
                .console
                .command(format_args!("jobs answer {id} --key {} VALUE", first.key))
        )));
    }
    let mut view = None;
    for question in &open {
        view = Some(insist(session, id, question)?);
    }
    view.ok_or_else(|| Error::new(Code::NoOpenQuestion, "the job asks nothing"))
}

/// Asks until the answer fits.
fn insist(session: &Session<'_>, id: &JobId, question: &QuestionRecord) -> Result<JobView> {
    loop {
        let answer = prompt::ask(question, &session.console)?;
        match answer_one(session, id, question.key.clone(), answer) {
            Err(error) if error.code == Code::InvalidArgument => session.console.insist(error),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(keys: &[&str]) -> Vec<QuestionRecord> {
        keys.iter()
            .map(|key| QuestionRecord {
                key: (*key).into(),
                round: 0,
                message: "?".into(),
                schema: serde_json::Map::new(),
                refused: None,
            })
            .collect()
    }

    #[test]
    fn one_question_needs_no_key_and_several_do() {
        assert_eq!(which(&asked(&["a"]), None).unwrap(), "a");
        assert_eq!(which(&asked(&["a", "b"]), Some(&"b".into())).unwrap(), "b");
        let error = which(&asked(&["a", "b"]), None).unwrap_err();
        assert!(error.remedy.unwrap().ends_with("a, b"));
    }
}
