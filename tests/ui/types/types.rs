//! What the compiler says of a type without its traits, and that every tool of this package is registered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bgjob_runtime::tool::registry::Registry;

#[test]
#[ignore = "compiles the runtime once more: a minute where nothing is cached"]
fn a_type_without_a_trait_gets_one_error_at_the_type() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}

/// What each case shows: a message of ours or, where the type is another one altogether, the compiler's.
const SHOWN: &[(&str, &str)] = &[
    ("missing_deserialize", "a tool cannot read `Mesh` from JSON"),
    ("missing_display", "a tool cannot fail with `Failure`"),
    ("missing_flattened", "a tool cannot read `Params` from JSON"),
    (
        "missing_output_schema",
        "a tool cannot describe `Vec<Mesh>` to its clients",
    ),
    (
        "missing_schema",
        "a tool cannot describe `std::option::Option<Mesh>` to its clients",
    ),
    ("missing_serialize", "a tool cannot write `Mesh` as JSON"),
    ("missing_state", "a tool cannot read `Mesh` from JSON"),
    ("not_a_result", "expected `Result`, found `Result<_, _>`"),
    (
        "unserializable_default",
        "a tool cannot write `Unit` as JSON",
    ),
    ("wrong_job", "expected `Job`, found `bgjob_runtime::Job`"),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_case_is_there_and_shows_its_message() {
    let present = std::fs::read_dir(folder().join("cases")).unwrap();
    let present: BTreeSet<PathBuf> = present.map(|entry| entry.unwrap().path()).collect();
    let case = |name: &str| folder().join("cases").join(name);
    let expected = SHOWN
        .iter()
        .flat_map(|(name, _)| ["rs", "stderr"].map(|end| case(name).with_extension(end)));
    assert_eq!(present, expected.collect());
    for (name, words) in SHOWN {
        let shown = std::fs::read_to_string(case(name).with_extension("stderr")).unwrap();
        assert!(shown.contains(words), "{name}: no `{words}` in\n{shown}");
    }
}

/// What is said of a type that lacks a trait is said by that trait: each such message has a case that shows it.
#[test]
fn every_message_about_a_type_has_its_case() {
    let mut messages = 0;
    for name in ["shape.rs", "arg.rs", "call.rs", "output.rs", "state_arg.rs"] {
        let code = folder().join("../../../bgjob-runtime/src/tool").join(name);
        let code = std::fs::read_to_string(code).unwrap();
        for message in code.split("message = \"").skip(1) {
            let message = message.split('"').next().unwrap();
            let (before, after) = message.split_once("{Self}").unwrap();
            let is_shown =
                |(_, words): &(&str, &str)| words.starts_with(before) && words.ends_with(after);
            assert!(SHOWN.iter().any(is_shown), "no case shows `{message}`");
            messages += 1;
        }
    }
    assert_eq!(messages, 4);
}

#[test]
fn every_tool_is_registered_wherever_it_stands() {
    // Links the tools in, and shows that they are still ordinary functions.
    assert_eq!(bgjob_ui_types::at_the_root(3), 6);
    assert_eq!(bgjob_ui_types::macros::twice(2), Ok(4));
    let registry = Registry::global().unwrap();
    let names: Vec<&str> = registry.iter().map(|tool| tool.name()).collect();
    let expected = [
        "all_in_one",
        "among_constants",
        "at_the_root",
        "days",
        "deprecated_tool",
        "expects_a_lint",
        "inside_a_function",
        "instrumented_above",
        "instrumented_below",
        "locals",
        "match",
        "nothing",
        "nothing_or_failure",
        "of_a_renamed_runtime",
        "present",
        "shadowed_error",
        "shadowed_prelude",
        "twice",
        "with_an_old_argument",
    ];
    assert_eq!(names, expected);
}
