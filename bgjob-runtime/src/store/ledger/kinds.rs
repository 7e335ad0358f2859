//! The table of binding settings: what each is called, means, and takes.

use crate::error::{Code, Error, Result};
use crate::job::hook;

/// A setting: its name, what it means, and how its text is checked.
#[derive(Debug)]
pub struct Kind {
    /// The name in `config set` and in `config.toml`.
    pub name: &'static str,
    /// What it means, with unit and range.
    pub about: &'static str,
    /// The variable that sets it where nobody else has.
    pub variable: &'static str,
    /// The call of `App` that does, if there is one.
    pub builder: Option<&'static str>,
    /// The text as it is stored, or `None` if it does not fit.
    normal: fn(&str) -> Option<String>,
}

/// Every binding setting.
pub const KINDS: [Kind; 10] = [
    Kind {
        name: "max_jobs",
        about: "jobs that may run at once, over all processes: 1 to 10000",
        variable: "BGJOB_MAX_JOBS",
        builder: Some("max_jobs"),
        normal: |text| within(text, 1, 10_000),
    },
    Kind {
        name: "max_queued",
        about: "queued jobs that an owner may have: 0 to 10000000",
        variable: "BGJOB_MAX_QUEUED",
        builder: None,
        normal: |text| within(text, 0, 10_000_000),
    },
    Kind {
        name: "retention",
        about: "how long ended jobs are kept: a duration such as 7d or 12h",
        variable: "BGJOB_RETENTION",
        builder: Some("retention"),
        normal: duration,
    },
    Kind {
        name: "default_timeout",
        about: "timeout of a tool that names none: a duration such as 1h",
        variable: "BGJOB_DEFAULT_TIMEOUT",
        builder: Some("default_timeout"),
        normal: duration,
    },
    Kind {
        name: "max_log_mib",
        about: "how much of each log is kept, in MiB, the middle of a longer one being dropped: 1 to 1000000",
        variable: "BGJOB_MAX_LOG_MIB",
        builder: None,
        normal: |text| within(text, 1, 1_000_000),
    },
    Kind {
        name: "max_result_mib",
        about: "the largest result, in MiB: 1 to 1000000",
        variable: "BGJOB_MAX_RESULT_MIB",
        builder: None,
        normal: |text| within(text, 1, 1_000_000),
    },
    Kind {
        name: "min_memory_mib",
        about: "no job is started while less memory is available, in MiB: 0 to 1000000000",
        variable: "BGJOB_MIN_MEMORY_MIB",
        builder: None,
        normal: |text| within(text, 0, 1_000_000_000),
    },
    Kind {
        name: "on_finish",
        about: "command that is run once a job has ended, with the job as JSON on its standard input, quoted as for a shell but run without one; empty for none",
        variable: "BGJOB_ON_FINISH",
        builder: Some("on_finish"),
        normal: command,
    },
    Kind {
        name: "hook_timeout",
        about: "how long that command may take before it is ended: a duration such as 1m",
        variable: "BGJOB_HOOK_TIMEOUT",
        builder: None,
        normal: duration,
    },
    Kind {
        name: "warm_workers",
        about: "whether supervisors fork workers instead of executing the program again: true or false",
        variable: "BGJOB_WARM_WORKERS",
        builder: Some("warm_workers"),
        normal: |text| text.parse::<bool>().ok().map(|value| value.to_string()),
    },
];

/// The kind called `name`.
///
/// # Errors
/// `invalid_argument` with a did-you-mean.
pub fn kind(name: &str) -> Result<&'static Kind> {
    let names = KINDS.iter().map(|kind| kind.name);
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        Error::new(
            Code::InvalidArgument,
            format!("there is no setting `{name}`"),
        )
        .did_you_mean(crate::error::nearest(name, names.clone()))
        .remedy(format!(
            "The settings are {}.",
            names.collect::<Vec<_>>().join(", ")
        ))
    })
}

impl Kind {
    /// `value` as it is stored.
    ///
    /// # Errors
    /// `invalid_argument` when it does not fit.
    pub fn normal(&self, value: &str) -> Result<String> {
        (self.normal)(value).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                format!("`{value}` does not fit the setting `{}`", self.name),
            )
            .remedy(self.about)
        })
    }
}

fn within(text: &str, least: u64, most: u64) -> Option<String> {
    text.parse::<u64>()
        .ok()
        .filter(|value| (least..=most).contains(value))
        .map(|value| value.to_string())
}

fn duration(text: &str) -> Option<String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|value| !value.is_zero())
        .map(|value| humantime::format_duration(value).to_string())
}

fn command(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || hook::words(text).is_some()).then(|| text.to_owned())
}
