//! Whose wish becomes a setting.

use super::*;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("l")).unwrap();
    (dir, ledger)
}

fn wish(value: &str, source: Source) -> Wanted {
    Wanted {
        name: "max_jobs",
        value: value.into(),
        source,
    }
}

#[test]
fn the_first_to_ask_decides_and_later_changes_bind() {
    let (_dir, mut ledger) = ledger();
    let first = Settings {
        max_jobs: 3,
        ..Settings::default()
    };
    assert_eq!(ledger.agree_on(&first.wanted()).unwrap(), first);
    let second = Settings {
        max_jobs: 9,
        ..first.clone()
    };
    assert_eq!(ledger.agree_on(&second.wanted()).unwrap().max_jobs, 3);
    ledger.configure("max_jobs", "5").unwrap();
    assert_eq!(ledger.settings().unwrap().max_jobs, 5);
    assert_eq!(ledger.agree_on(&second.wanted()).unwrap().max_jobs, 5);
    ledger.unset("max_jobs").unwrap();
    assert_eq!(ledger.agree_on(&second.wanted()).unwrap().max_jobs, 9);
}

#[test]
fn who_wants_something_is_stronger_than_who_does_not() {
    use Source::{Default, Environment, File, Program, Set};
    let order = [
        // What is there, what is wanted, and whether it is taken.
        (None, Default, true),
        (Some(Default), Program, true),
        (Some(Program), Program, false),
        (Some(Program), Default, false),
        (Some(Program), File, true),
        (Some(File), File, true),
        (Some(File), Environment, true),
        (Some(Environment), File, false),
        (Some(Environment), Default, false),
        (Some(File), Default, true),
        (Some(File), Program, true),
        (Some(Set), Environment, false),
        (Some(Set), File, false),
        (Some(Set), Default, false),
    ];
    for (before, now, taken) in order {
        let there = before.map(|source| InForce {
            value: "1".into(),
            source: Some(source),
        });
        assert_eq!(
            replaces(&wish("2", now), there.as_ref()),
            taken,
            "{before:?} {now:?}"
        );
    }
    let unknown = InForce {
        value: "1".into(),
        source: None,
    };
    assert!(replaces(&wish("2", File), Some(&unknown)));
    assert!(!replaces(&wish("2", Default), Some(&unknown)));
}

#[test]
fn a_wrong_setting_is_refused_with_what_fits() {
    let (_dir, mut ledger) = ledger();
    assert_eq!(
        ledger
            .configure("max_job", "5")
            .unwrap_err()
            .did_you_mean
            .as_deref(),
        Some("max_jobs")
    );
    assert!(ledger.configure("max_jobs", "0").is_err());
    assert!(ledger.configure("retention", "30").is_err());
    assert!(ledger.configure("on_finish", "'open").is_err());
    ledger.configure("on_finish", "").unwrap();
}

#[test]
fn a_value_is_stored_in_one_form() {
    let (_dir, mut ledger) = ledger();
    ledger.configure("retention", "168h").unwrap();
    assert_eq!(
        ledger.setting("retention").unwrap().as_deref(),
        Some("7days")
    );
}
