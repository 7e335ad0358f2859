//! `jobs retry`

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Map;

use super::finish::{finish, following};
use crate::cli::args;
use crate::cli::failure::Outcome;
use crate::cli::flags::Setting;
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::request::{Origin, Owner};
use serde_json::Value;

/// `jobs retry`
pub fn command() -> Command {
    Command::new("retry")
        .about("Run the call of an ended job again, as a new job")
        .arg(args::ids(false))
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("PLACE=VALUE")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .help("Change an argument or a place in it: `days=200`, `tank.height=2.5`; the value is JSON, or a text"),
        )
        .args(following())
}

/// Retries.
///
/// # Errors
/// What stopped it; no new job exists then.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    let changes = changes(session, &id, given)?;
    let view =
        session
            .service()?
            .retry(&Owner::local(), &id, &changes, Origin::of_this_process())?;
    finish(session, &view, given)
}

/// The changed arguments, whole: a place in an argument is changed within its old value.
fn changes(session: &Session<'_>, id: &JobId, given: &ArgMatches) -> Result<Map<String, Value>> {
    let texts: Vec<&String> = given
        .get_many::<String>("set")
        .into_iter()
        .flatten()
        .collect();
    if texts.is_empty() {
        return Ok(Map::new());
    }
    let invalid = |why| Error::new(Code::InvalidArgument, why);
    let tool = session.registry.get(id.tool());
    let schema = tool.map_or(Value::Null, |tool| {
        Value::Object((*tool.described().input_schema).clone())
    });
    let mut input = session.service()?.input(&Owner::local(), id)?;
    let mut changed = Map::new();
    for text in texts {
        let setting = Setting::parse(text).map_err(invalid)?;
        if setting.is_nested()
            && tool.is_some_and(|tool| tool.signature.is_secret(setting.argument()))
        {
            return Err(invalid(format!(
                "`{}` is secret and cannot be changed in part",
                setting.argument()
            ))
            .remedy("set it as a whole"));
        }
        setting.apply(&mut input, &schema).map_err(invalid)?;
        let argument = setting.argument();
        changed.insert(argument.to_owned(), input[argument].clone());
    }
    Ok(changed)
}
