//! `jobs artifacts`

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::cli::args;
use crate::cli::console::out_is_terminal;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::render::{plain, quantity, table::Table};
use crate::cli::session::Session;
use crate::error::{Code, Error};
use crate::job::artifact::ArtifactView;
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};

/// `jobs artifacts`
pub fn command() -> Command {
    Command::new("artifacts")
        .about("List the files that a job made, or copy one out")
        .arg(args::ids(false))
        .arg(Arg::new("NAME").help("The file to copy; all are listed when it is left out"))
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE")
                .requires("NAME")
                .value_parser(value_parser!(std::path::PathBuf))
                .help("Where to write it; `-` or nothing: standard output"),
        )
        .arg(args::json("Print {\"state\": \"ok\", \"artifacts\": […]}"))
}

/// Lists or copies.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    match given.get_one::<String>("NAME") {
        Some(name) => copy(session, &id, name, given.get_one("output")),
        None => list(session, &id, given),
    }
}

fn list(session: &Session<'_>, id: &JobId, given: &ArgMatches) -> Outcome {
    let artifacts = session.service()?.artifacts(&Owner::local(), id)?;
    let console = &session.console;
    if given.get_flag(args::JSON) {
        console.json(&JobView {
            job_id: Some(id.clone()),
            artifacts,
            ..JobView::bare(ViewState::Ok)
        })?;
    } else if artifacts.is_empty() {
        console.say(format_args!("{id} has made no files"));
    } else {
        console.print(table(&artifacts))?;
        console.say(format_args!(
            "copy one: {}",
            console.command(format_args!("jobs artifacts {id} NAME -o FILE"))
        ));
    }
    Ok(Ending::Ok)
}

fn table(artifacts: &[ArtifactView]) -> String {
    let mut table = Table::new(&["NAME", "SIZE", "TYPE"], None);
    for artifact in artifacts {
        let cells = [
            plain::line(&artifact.name, 255),
            quantity::size(artifact.bytes),
            artifact.mime_type.clone(),
        ];
        table.row(Default::default(), cells);
    }
    table.render()
}

fn copy(
    session: &Session<'_>,
    id: &JobId,
    name: &str,
    output: Option<&std::path::PathBuf>,
) -> Outcome {
    let (mut file, artifact) = session
        .service()?
        .open_artifact(&Owner::local(), id, name)?;
    match output.filter(|path| path.as_os_str() != "-") {
        Some(path) => save(&mut file, path)?,
        None if out_is_terminal() && !is_text(&artifact.mime_type) => {
            let again = session
                .console
                .command(format_args!("jobs artifacts {id} {name} -o {name}"));
            return Err(Error::new(
                Code::InvalidArgument,
                format!("`{name}` is {}, not for a terminal", artifact.mime_type),
            )
            .remedy(format!("save it: {again}"))
            .into());
        }
        None => drop(io::copy(&mut file, &mut io::stdout().lock())?),
    }
    Ok(Ending::Ok)
}

fn save(file: &mut File, path: &Path) -> Result<(), Failure> {
    let mut copy = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    io::copy(file, &mut copy)?;
    Ok(())
}

fn is_text(mime_type: &str) -> bool {
    mime_type.starts_with("text/")
        || [
            "application/json",
            "application/x-ndjson",
            "application/xml",
            "application/yaml",
            "application/toml",
            "image/svg+xml",
        ]
        .contains(&mime_type)
}
