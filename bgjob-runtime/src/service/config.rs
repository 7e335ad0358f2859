//! Where settings come from: the environment, `config.toml` of the data directory, the program.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Value};

use super::JobService;
use crate::error::{Code, Error, Result, nearest};
pub use crate::store::ledger::{KINDS, Kind};
use crate::store::ledger::{Settings, Source, Wanted};

/// A file of settings is small; what is larger is none.
const FILE_BYTES: u64 = 1 << 20;

/// A setting that does not bind others: each process has its own.
#[derive(Debug)]
pub struct Own {
    /// What it is called here.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// The flag.
    pub flag: Option<&'static str>,
    /// The variables.
    pub variables: &'static [&'static str],
    /// The call of `App`.
    pub builder: Option<&'static str>,
    /// What holds when nobody says anything.
    pub default: &'static str,
}

/// Every setting of a single process.
pub const OWN: [Own; 5] = [
    Own {
        name: "data directory",
        about: "where jobs and state are",
        flag: Some("--data-dir"),
        variables: &["BGJOB_DATA_DIR"],
        builder: Some("data_dir"),
        default: "`~/.local/state/<name>`, or below `XDG_STATE_HOME`",
    },
    Own {
        name: "colours",
        about: "when to use colours",
        flag: Some("--color"),
        variables: &["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"],
        builder: None,
        default: "on a terminal",
    },
    Own {
        name: "diagnostics",
        about: "what is told on standard error beside results",
        flag: Some("-v, -q"),
        variables: &["RUST_LOG"],
        builder: None,
        default: "warnings",
    },
    Own {
        name: "passed variables",
        about: "what every job gets of its submitter's environment beside the allow-list",
        flag: None,
        variables: &[],
        builder: Some("pass_env"),
        default: "none",
    },
    Own {
        name: "network file systems",
        about: "whether the data directory may be on one, where locks cannot be trusted",
        flag: None,
        variables: &["BGJOB_ALLOW_NETWORK_FS"],
        builder: None,
        default: "refused",
    },
];

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingInForce {
    /// Its name.
    pub name: &'static str,
    /// Its value, as `config set` takes it.
    pub value: String,
    /// Where the value comes from.
    pub source: &'static str,
    /// What this process would have it be, if that does not bind.
    pub overruled: Option<Wanted>,
}

impl SettingInForce {
    /// What to do about a wish that does not bind.
    pub fn overruled_words(&self) -> Option<String> {
        let wish = self.overruled.as_ref()?;
        Some(format!(
            "{} says {} = {}, which does not bind: `config set {} {}` or `config unset {}`.",
            wish.source.as_str(),
            wish.name,
            wish.value,
            wish.name,
            super::quoted(&wish.value),
            wish.name
        ))
    }
}

impl JobService {
    /// Every binding setting, and where its value comes from.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn settings_in_force(&self) -> Result<Vec<SettingInForce>> {
        let wanted = wanted(&self.data.config(), &self.options.settings)?;
        let ledger = self.ledger();
        let (texts, all) = (ledger.settings()?.texts(), ledger.all_in_force()?);
        let mut settings = Vec::new();
        for ((name, value), wish) in texts.into_iter().zip(wanted) {
            let source = all.get(name).and_then(|there| there.source);
            let spoken = matches!(wish.source, Source::File | Source::Environment);
            settings.push(SettingInForce {
                name,
                overruled: Some(wish).filter(|wish| spoken && wish.value != value),
                value,
                source: source.unwrap_or(Source::Default).as_str(),
            });
        }
        Ok(settings)
    }

    /// Takes back what `config set` said of a setting; it is then what the environment, the file or
    /// the program says.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown name.
    pub fn unset(&self, name: &str) -> Result<()> {
        let wanted = wanted(&self.data.config(), &self.options.settings)?;
        let mut ledger = self.ledger();
        ledger.unset(name)?;
        ledger.agree_on(&wanted).map(drop)
    }
}

/// What this process wants every setting to be: its environment first, then the file, then what the
/// program was built with.
///
/// # Errors
/// `invalid_argument` when the file or a variable cannot be understood.
pub fn wanted(file: &Path, built: &Settings) -> Result<Vec<Wanted>> {
    let file = File::read(file)?;
    let mut wanted = built.wanted();
    for (wish, kind) in wanted.iter_mut().zip(&KINDS) {
        let (value, source) = match (of_environment(kind)?, file.get(kind)?) {
            (Some(value), _) => (value, Source::Environment),
            (None, Some(value)) => (value, Source::File),
            (None, None) => continue,
        };
        *wish = Wanted {
            name: kind.name,
            value,
            source,
        };
    }
    Ok(wanted)
}

fn of_environment(kind: &Kind) -> Result<Option<String>> {
    let Some(text) = std::env::var_os(kind.variable) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    kind.normal(&text).map(Some).map_err(|error| Error {
        message: format!("{} in the environment: {}", kind.variable, error.message),
        ..error
    })
}

/// A parsed `config.toml`.
struct File<'a> {
    path: &'a Path,
    document: DocumentMut,
}

/// What is wrong in `text`, on one line.
fn place_of(error: &toml_edit::TomlError, text: &str) -> String {
    let what = error
        .message()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(
        || what.clone(),
        |before| format!("line {}: {what}", before.matches('\n').count() + 1),
    )
}

impl<'a> File<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        let refused = |why: String| {
            Error::new(Code::InvalidArgument, format!("{}: {why}", path.display()))
                .remedy("Mend the file, or move it away.")
        };
        let text = match crate::store::files::read_capped(path, FILE_BYTES) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| refused("it is not text".into()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(refused(error.to_string())),
        };
        let parsed = text.parse::<DocumentMut>();
        let document = parsed.map_err(|error| refused(place_of(&error, &text)))?;
        let known = || KINDS.iter().map(|kind| kind.name);
        if let Some((key, _)) = document
            .iter()
            .find(|(key, _)| !known().any(|name| name == *key))
        {
            let names: Vec<&str> = known().collect();
            return Err(Error::new(
                Code::InvalidArgument,
                format!("{}: there is no setting `{key}`", path.display()),
            )
            .did_you_mean(nearest(key, known()))
            .remedy(format!("The settings are {}.", names.join(", "))));
        }
        Ok(File { path, document })
    }

    fn get(&self, kind: &Kind) -> Result<Option<String>> {
        let Some(item) = self.document.get(kind.name) else {
            return Ok(None);
        };
        let text = text(item).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                format!(
                    "{}: `{}` is no number, truth value, text or list of texts",
                    self.path.display(),
                    kind.name
                ),
            )
            .remedy(kind.about)
        })?;
        kind.normal(&text).map(Some).map_err(|error| Error {
            message: format!("{}: {}", self.path.display(), error.message),
            ..error
        })
    }
}

/// A value as `config set` takes it; a list of texts is a command.
fn text(item: &Item) -> Option<String> {
    match item.as_value()? {
        Value::String(text) => Some(text.value().clone()),
        Value::Boolean(truth) => Some(truth.value().to_string()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            shlex::try_join(words?).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Wanted>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        wanted(&path, &Settings::default())
    }

    fn value<'w>(wanted: &'w [Wanted], name: &str) -> (&'w str, Source) {
        let found = wanted.iter().find(|wish| wish.name == name).unwrap();
        (&found.value, found.source)
    }

    #[test]
    fn a_file_says_some_settings_and_the_others_keep_their_source() {
        let wanted =
            of("max_jobs = 3 # few\nretention = \"30d\"\non_finish = [\"notify\", \"a b\"]\n")
                .unwrap();
        assert_eq!(value(&wanted, "max_jobs"), ("3", Source::File));
        assert_eq!(value(&wanted, "retention"), ("30days", Source::File));
        assert_eq!(value(&wanted, "on_finish"), ("notify 'a b'", Source::File));
        assert_eq!(value(&wanted, "max_log_mib"), ("64", Source::Default));
    }

    #[test]
    fn without_a_file_the_program_is_asked() {
        let built = Settings {
            max_jobs: 7,
            ..Settings::default()
        };
        let wanted = wanted(Path::new("/nowhere/config.toml"), &built).unwrap();
        assert_eq!(value(&wanted, "max_jobs"), ("7", Source::Program));
        assert_eq!(value(&wanted, "retention"), ("7days", Source::Default));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        let unknown = of("max_job = 3").unwrap_err();
        assert_eq!(unknown.did_you_mean.as_deref(), Some("max_jobs"));
        assert!(unknown.message.contains("config.toml"), "{unknown}");
        for (text, says) in [
            ("max_jobs = 0", "does not fit"),
            ("max_jobs = 1.5", "no number"),
            ("[max_jobs]", "no number"),
            ("max_jobs 3", "line 1"),
            ("retention = 7", "does not fit"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.message.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn every_setting_has_a_variable_of_its_name() {
        for kind in &KINDS {
            assert_eq!(kind.variable, format!("BGJOB_{}", kind.name.to_uppercase()));
        }
    }
}
