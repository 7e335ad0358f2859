//! What a job inherits of its submitter's environment: a documented list, and what was asked for.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Handed to every job when the submitter has it: where programs are, who the user is, language,
/// temporary files, proxies, and what compute libraries read. Secrets are not among them. A trailing
/// `*` matches any end.
pub const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "CONDA_PREFIX",
    "CUDA_*",
    "NVIDIA_*",
    "ROCR_*",
    "HIP_*",
    "OMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "RAYON_NUM_THREADS",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "NO_COLOR",
    "CLICOLOR",
    "TERM",
];

/// Our own variables never pass: a job must not be mistaken for another, nor find our directories.
const OURS: &str = "BGJOB";

/// The part of `env` that a job gets: the [`ALLOWED`] names and those in `extra`.
pub fn inherited(
    env: &BTreeMap<OsString, OsString>,
    extra: &[&str],
) -> BTreeMap<OsString, OsString> {
    env.iter()
        .filter(|(name, _)| {
            name.to_str().is_some_and(|name| {
                !name.starts_with(OURS)
                    && ALLOWED
                        .iter()
                        .chain(extra)
                        .any(|pattern| matches(pattern, name))
            })
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_supervisor_is_handed_only_what_jobs_get() {
        for pattern in crate::launcher::HANDED_ON {
            assert!(ALLOWED.contains(pattern), "{pattern}");
        }
    }

    #[test]
    fn secrets_stay_behind_unless_asked_for() {
        let env: BTreeMap<OsString, OsString> = [
            "PATH",
            "LC_ALL",
            "OPENAI_API_KEY",
            "AWS_SECRET",
            "LD_PRELOAD",
            "BGJOB_DATA_DIR",
        ]
        .into_iter()
        .map(|name| (name.into(), "x".into()))
        .collect();
        let names = |extra: &[&str]| {
            inherited(&env, extra)
                .into_keys()
                .filter_map(|n| n.into_string().ok())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["LC_ALL", "PATH"]);
        assert_eq!(
            names(&["AWS_*", "BGJOB_*"]),
            ["AWS_SECRET", "LC_ALL", "PATH"]
        );
    }
}
