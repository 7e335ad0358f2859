//! What jobs survive on this machine: a detached process outlives its session, unless something
//! kills by control group.

use std::fs;
use std::path::Path;

use super::doctor::{Finding, Level};
use crate::sys::host;

/// What is known of the surroundings.
#[derive(Debug, Default)]
struct Surroundings {
    /// This process's line of `/proc/self/cgroup` for the unified hierarchy.
    cgroup: String,
    /// Inside a container, whose stop ends everything.
    container: bool,
    /// `KillUserProcesses=yes` in logind's configuration.
    logind_kills: bool,
    /// The user's processes may linger.
    lingers: bool,
}

/// What jobs started from here would survive.
pub fn findings() -> Vec<Finding> {
    vec![judge(&look())]
}

/// The same in one sentence.
pub fn level() -> String {
    judge(&look()).message
}

fn look() -> Surroundings {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cgroup = text("/proc/self/cgroup")
        .lines()
        .find_map(|line| line.strip_prefix("0::").map(str::to_owned))
        .unwrap_or_default();
    let first = text("/proc/1/comm");
    let user = std::env::var("USER").unwrap_or_default();
    Surroundings {
        container: Path::new("/.dockerenv").exists()
            || Path::new("/run/.containerenv").exists()
            || !["systemd", "init", "runit", "s6-svscan", "openrc-init"].contains(&first.trim()),
        logind_kills: text("/etc/systemd/logind.conf")
            .lines()
            .any(|line| line.trim() == "KillUserProcesses=yes"),
        lingers: host::user() == 0 || Path::new("/var/lib/systemd/linger").join(user).exists(),
        cgroup,
    }
}

fn judge(here: &Surroundings) -> Finding {
    let service = here.cgroup.contains(".service") && !here.cgroup.contains("user@");
    if here.container {
        return Finding::new(
            "survival",
            Level::Note,
            "jobs survive their client and its session; they end when this container is stopped",
        );
    }
    if service {
        return Finding::new(
            "survival",
            Level::Warning,
            "this process belongs to a system service: by default, stopping the service ends its jobs",
        )
        .remedy("Set KillMode=process in the service's unit.");
    }
    if here.logind_kills && !here.lingers {
        return Finding::new(
            "survival",
            Level::Warning,
            "jobs end at logout here (KillUserProcesses=yes and no linger)",
        )
        .remedy("loginctl enable-linger, and start the client with systemd-run --user --scope.");
    }
    Finding::new(
        "survival",
        Level::Ok,
        "jobs survive their client, its session and a logout; not a restart of the machine",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_says_what_its_jobs_survive() {
        let says = |here: &Surroundings| judge(here).message;
        assert!(says(&Surroundings::default()).contains("a logout"));
        let container = Surroundings {
            container: true,
            ..Surroundings::default()
        };
        assert!(says(&container).contains("container"));
        let service = Surroundings {
            cgroup: "/system.slice/x.service".into(),
            ..Surroundings::default()
        };
        assert!(says(&service).contains("service"));
        let killed = Surroundings {
            logind_kills: true,
            ..Surroundings::default()
        };
        assert!(says(&killed).contains("end at logout"));
        assert!(
            says(&Surroundings {
                lingers: true,
                ..killed
            })
            .contains("and a logout")
        );
    }
}
