//! `status`: limits, load and room at a glance.

use clap::{ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::quantity::{largest, size, span};
use crate::cli::render::style::{LABEL, paint};
use crate::cli::reply::Envelope;
use crate::cli::session::Session;
use crate::job::request::Owner;
use crate::service::SystemStatus;

/// `status`
pub fn command() -> Command {
    Command::new("status")
        .about("Show limits, running and queued jobs, free memory and disk, versions")
        .arg(args::json("Print them as a JSON object"))
}

/// Shows how the whole is doing.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let status = session.service()?.system(&Owner::local())?;
    if given.get_flag(args::JSON) {
        let mut reply = Envelope::ok();
        reply.reply.system = Some(status);
        session.console.json(&reply)?;
    } else {
        session.console.print(table(&status))?;
    }
    Ok(Ending::Ok)
}

fn table(status: &SystemStatus) -> String {
    let mut facts = vec![
        (
            "server",
            format!(
                "{} {}, bgjob {}, ledger format {}",
                status.server, status.version, status.engine, status.format
            ),
        ),
        (
            "running",
            format!("{} of {}", status.running, status.max_jobs),
        ),
        (
            "queued",
            format!("{} of {}", status.queued, status.max_queued),
        ),
    ];
    let mut add = |name, fact: Option<String>| facts.extend(fact.map(|fact| (name, fact)));
    add(
        "oldest",
        status.oldest.as_ref().map(|job| {
            let age = largest(job.age_s);
            format!("{}, {}, accepted {age} ago", job.job_id, job.state.as_str())
        }),
    );
    add(
        "memory",
        status
            .memory_available_mib
            .map(|free| memory(free, status.min_memory_mib)),
    );
    add(
        "disk",
        Some(format!("{} available", mib(status.disk_available_mib))),
    );
    add(
        "ended jobs",
        Some(format!("kept for {}", kept_for(&status.retention))),
    );
    add("folder", status.data_dir.clone());
    add("survival", status.survival.clone());
    let line = |(name, fact): &(&str, String)| {
        format!("{} {fact}", paint(LABEL, format_args!("{name:<11}")))
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A setting's duration, as it is said elsewhere.
fn kept_for(retention: &str) -> String {
    let kept = humantime::parse_duration(retention);
    kept.map_or_else(|_| retention.to_owned(), |kept| span(kept.as_secs_f64()))
}

fn memory(free: u64, least: u64) -> String {
    let starts = match least {
        0 => String::new(),
        least if free < least => format!(": too little to start a job, which takes {}", mib(least)),
        least => format!("; below {} no job is started", mib(least)),
    };
    format!("{} available{starts}", mib(free))
}

fn mib(mib: u64) -> String {
    size(mib << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_everywhere() {
        assert_eq!(kept_for("7days"), "7 d");
        assert_eq!(kept_for("1h 30m"), "1 h 30 min");
    }

    #[test]
    fn too_little_memory_is_said() {
        assert_eq!(memory(4096, 0), "4.3 GB available");
        assert_eq!(
            memory(4096, 1024),
            "4.3 GB available; below 1.1 GB no job is started"
        );
        assert!(memory(512, 1024).ends_with("too little to start a job, which takes 1.1 GB"));
    }
}
