//! `jobs prune`

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::quantity::count;
use crate::cli::reply::Envelope;
use crate::cli::session::Session;

/// `jobs prune`
pub fn command() -> Command {
    Command::new("prune")
        .about("Delete jobs that ended long ago, with their folders")
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("AGE")
                .value_parser(args::duration)
                .help("Jobs that ended longer ago than this, such as 7d or 0s [default: the setting `retention`]"),
        )
        .arg(Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue).help("Only say how many"))
        .arg(args::json("Print {\"state\": \"ok\", \"pruned\": …}"))
}

/// Prunes. Live jobs, and what they read, are never touched.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let dry_run = given.get_flag("dry-run");
    let pruned = session
        .service()?
        .prune(given.get_one::<Duration>("older-than").copied(), dry_run)?;
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope {
            pruned: Some(pruned),
            ..Envelope::ok()
        })?;
        return Ok(Ending::Ok);
    }
    let jobs = count(pruned.jobs, "job");
    let what = if dry_run {
        format!("{jobs} would be deleted")
    } else {
        format!("{jobs} deleted")
    };
    session.console.print(match pruned.orphans {
        0 => what,
        orphans => format!(
            "{what}, and {} of calls that never became a job",
            count(orphans, "folder")
        ),
    })?;
    Ok(Ending::Ok)
}
