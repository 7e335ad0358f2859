//! `install`: the server in the configuration of an MCP client.

mod clients;
mod edit;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anstyle::AnsiColor;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;
use similar::{ChangeTag, TextDiff};

use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::plain;
use crate::cli::render::quantity::count;
use crate::cli::render::style::{ERROR, FAINT, HELP, LABEL, paint};
use crate::cli::render::table::Table;
use crate::cli::reply::{Envelope, members};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use clients::{CLIENTS, Client, Homes, behind_links};
use edit::{Edit, Entry};

/// Configuration files are small; what is larger is none.
const FILE_BYTES: u64 = 16 << 20;
/// Lines around a change in the difference that is shown.
const CONTEXT: usize = 2;

/// `install`
pub fn command() -> Command {
    Command::new("install")
        .about("Put this server into the configuration of an MCP client; without a client, list them")
        .arg(Arg::new("CLIENT").value_parser(CLIENTS.each_ref().map(|client| client.name)).hide_possible_values(true).help("A client"))
        .arg(Arg::new("print").long("print").action(ArgAction::SetTrue).help("Print what belongs into the client's file, and touch nothing"))
        .arg(Arg::new("uninstall").long("uninstall").action(ArgAction::SetTrue).conflicts_with("print").help("Take the server out instead"))
        .arg(Arg::new("yes").long("yes").short('y').action(ArgAction::SetTrue).help("Write without asking"))
        .arg(Arg::new("name").long("name").value_name("NAME").help("What the client calls the server [default: its own name]"))
        .arg(Arg::new("env").long("env").value_name("NAME=VALUE").action(ArgAction::Append).value_parser(variable).help("A variable that the client sets for the server: clients pass on only a few of their own"))
        .arg(args::json("Print {\"state\": \"ok\", \"clients\": […]}; only without a client").conflicts_with("CLIENT"))
        .after_help("The difference is shown and confirmed before anything is written; the file as it was is kept beside it. A file that cannot be understood is left alone. Then the server is started as the client would start it.")
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}

/// Installs, or lists where that can be done; needs no data directory.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let homes = Homes::of_this_user().ok_or_else(|| {
        Error::new(
            Code::InvalidArgument,
            "there is no home directory with clients in it",
        )
        .remedy("Set HOME.")
    })?;
    let text = |id| given.get_one::<String>(id);
    let name = text("name").unwrap_or(&session.app.name);
    let Some(client) = text("CLIENT").and_then(|client| Client::named(client)) else {
        return list(session, &homes, name, given);
    };
    let path = client.path(&homes);
    if given.get_flag("print") {
        let entry = entry(session, given)?;
        session
            .console
            .say(format_args!("{}, {}:", client.title, path.display()));
        session.console.print(edit::snippet(client, name, &entry))?;
        return Ok(Ending::Ok);
    }
    let entry = match given.get_flag("uninstall") {
        true => None,
        false => Some(entry(session, given)?),
    };
    let change = Change {
        client,
        path: behind_links(&path),
        name,
        entry,
    };
    if !change.make(session, given.get_flag("yes"))? {
        return Ok(Ending::Usage);
    }
    change.check(session)
}

/// How a client starts this program.
fn entry(session: &Session<'_>, given: &ArgMatches) -> Result<Entry> {
    let program =
        std::env::current_exe().map_err(|error| Error::storage("find this program", error))?;
    let command = program.into_os_string().into_string();
    let command = command.map_err(|path| {
        Error::new(
            Code::InvalidArgument,
            format!(
                "the path of this program is no Unicode text: {}",
                path.display()
            ),
        )
    })?;
    if !Path::new(&command).exists() {
        // A build has replaced it while it runs.
        return Err(Error::new(
            Code::InvalidArgument,
            format!("this program is not at {command} any more"),
        )
        .remedy("Call it again from where it is now."));
    }
    let mut args = Vec::new();
    if let Some(dir) = session.named_data_dir() {
        let dir = std::path::absolute(dir)
            .map_err(|error| Error::storage("use the data directory", error))?;
        args.extend(["--data-dir".to_owned(), dir.display().to_string()]);
    }
    args.push("serve".to_owned());
    let env = given
        .get_many::<(String, String)>("env")
        .into_iter()
        .flatten();
    Ok(Entry {
        command,
        args,
        env: env.cloned().collect::<BTreeMap<_, _>>(),
    })
}

fn list(session: &Session<'_>, homes: &Homes, name: &str, given: &ArgMatches) -> Outcome {
    let mut table = Table::new(
        &["CLIENT", "PRESENT", "INSTALLED", "FILE"],
        console::width(),
    );
    table.keep_whole(3);
    let mut shown = Vec::new();
    for client in &CLIENTS {
        let path = client.path(homes);
        let present = client.is_present(homes);
        let installed = match contents(&path) {
            Ok(text) => match edit::read(client, &text.unwrap_or_default(), name) {
                Ok(Some(_)) => "yes",
                Ok(None) => "no",
                Err(_) => "unreadable",
            },
            Err(_) => "unreadable",
        };
        shown.push(members(json!({
            "name": client.name,
            "title": client.title,
            "present": present,
            "installed": installed == "yes",
            "file": path.display().to_string(),
            "documentation": client.docs,
        })));
        let word = if present { "yes" } else { "no" };
        table.row(
            if present { LABEL } else { FAINT },
            [
                client.name.to_owned(),
                word.to_owned(),
                installed.to_owned(),
                path.display().to_string(),
            ],
        );
    }
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope {
            clients: Some(shown),
            ..Envelope::ok()
        })?;
        return Ok(Ending::Ok);
    }
    session.console.print(table.render())?;
    session.console.say(format_args!(
        "install it: {}",
        session.console.command("install CLIENT")
    ));
    Ok(Ending::Ok)
}

/// The text of a file; `None` where there is none.
fn contents(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > FILE_BYTES => return Err("it is too large".to_owned()),
        Ok(meta) if !meta.is_file() => return Err("it is no file".to_owned()),
        _ => {}
    }
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| "it is no text".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// What shall become of a client's file.
struct Change<'a> {
    client: &'static Client,
    path: PathBuf,
    name: &'a str,
    /// `None` takes the server out.
    entry: Option<Entry>,
}

impl Change<'_> {
    /// Shows and writes the change; false when the user did not want it.
    fn make(&self, session: &Session<'_>, sure: bool) -> Result<bool> {
        let console = &session.console;
        let before = self.read()?;
        let text = before.clone().unwrap_or_default();
        let edited = edit::edit(self.client, &text, self.name, self.entry.as_ref());
        let after = match edited.map_err(|why| self.refused(&why))? {
            Edit::Same => {
                console.say(format_args!("{}: nothing to change", self.path.display()));
                return Ok(true);
            }
            Edit::To(after) => after,
        };
        console.insist(difference(&self.path, &text, &after));
        if !sure && !confirm(session)? {
            console.insist("nothing was written");
            return Ok(false);
        }
        if self.read()? != before {
            return Err(self
                .refused("it was changed meanwhile")
                .remedy("Call again."));
        }
        let failed = |error| {
            Error::new(
                Code::InvalidArgument,
                format!("cannot write {}: {error}", self.path.display()),
            )
            .remedy("See what `--print` prints, and put it there yourself.")
        };
        let kept = self.write(before.as_deref(), &after).map_err(failed)?;
        console.say(format_args!("{} written", self.path.display()));
        if let Some(kept) = kept {
            console.say(format_args!("as it was: {}", kept.display()));
        }
        Ok(true)
    }

    fn read(&self) -> Result<Option<String>> {
        contents(&self.path).map_err(|why| self.refused(&why))
    }

    fn refused(&self, why: &str) -> Error {
        Error::new(
            Code::InvalidArgument,
            format!("{} is left alone: {why}", self.path.display()),
        )
        .remedy(format!(
            "Mend it, or put there what `install {} --print` prints.",
            self.client.name
        ))
    }

    /// Writes beside the file and renames, so that the client never reads a half; says where the file
    /// as it was is kept.
    fn write(&self, before: Option<&str>, after: &str) -> io::Result<Option<PathBuf>> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let mode = fs::metadata(&self.path).map_or(0o600, |meta| meta.permissions().mode() & 0o777);
        let kept = before.map(|text| {
            let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{}.bak", at.replace([':', '-'], "")));
            let kept = PathBuf::from(name);
            put(folder, &kept, text, mode).map(|()| kept)
        });
        let kept = kept.transpose()?;
        put(folder, &self.path, after, mode)?;
        Ok(kept)
    }

    /// Starts the server as what is now in the file says.
    fn check(&self, session: &Session<'_>) -> Outcome {
        let console = &session.console;
        let text = self.read()?.unwrap_or_default();
        let there = edit::read(self.client, &text, self.name).map_err(|why| self.refused(&why))?;
        let entry = match (there, &self.entry) {
            (Some(entry), Some(_)) => entry,
            (None, None) => {
                console.say(format_args!(
                    "{} does not know `{}` any more",
                    self.client.title, self.name
                ));
                return Ok(Ending::Ok);
            }
            _ => return Err(self.refused("it does not say what was written").into()),
        };
        match verify::verify(&entry) {
            Ok(seen) => {
                console.say(format_args!(
                    "started as {} would: {}, {} after {:.1} s",
                    self.client.title,
                    plain::line(&seen.server, 80),
                    count(seen.tools as u64, "tool"),
                    seen.took.as_secs_f64()
                ));
                console.say(self.client.reload);
                Ok(Ending::Ok)
            }
            Err(why) => Err(Error::new(
                Code::StorageError,
                format!(
                    "started as {} would, the server does not work: {}",
                    self.client.title,
                    plain::line(&why, 200)
                ),
            )
            .remedy(format!(
                "Clients pass on few variables: try `--env NAME=VALUE`. Take it out again: {}",
                console.command(format_args!("install {} --uninstall", self.client.name))
            ))
            .into()),
        }
    }
}

fn put(folder: &Path, path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".bgjob-")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn difference(path: &Path, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = vec![paint(LABEL, path.display())];
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(paint(FAINT, "…"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = plain::text(change.value().trim_end_matches('\n'));
            lines.push(match change.tag() {
                ChangeTag::Delete => paint(AnsiColor::Red.on_default(), format_args!("- {text}")),
                ChangeTag::Insert => paint(AnsiColor::Green.on_default(), format_args!("+ {text}")),
                ChangeTag::Equal => format!("  {text}"),
            });
        }
    }
    lines.join("\n")
}

/// Asks the person at the terminal; where nobody can be asked, nothing is written.
fn confirm(session: &Session<'_>) -> Result<bool> {
    let console = &session.console;
    if !io::stdin().is_terminal() || !console::err_is_terminal() {
        let error = Error::new(Code::InvalidArgument, "nobody is there to confirm this")
            .remedy("add --yes to write it");
        console.insist(format_args!("{} {error}", paint(ERROR, "error:")));
        console.insist(format_args!(
            "{} add --yes to write it",
            paint(HELP, "help:")
        ));
        return Err(session.has_told(error, Ending::Usage));
    }
    let mut err = io::stderr();
    // Without a line end: the answer stands beside the question.
    let _ = write!(err, "Write this? [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Error::storage("read the answer", error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
