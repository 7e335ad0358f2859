//! What the compiler says of a type without its traits, and that every tool of this package is registered.

use std::path::{Path, PathBuf};

use bgjob_runtime::tool::registry::Registry;

#[test]
#[ignore = "compiles the runtime once more: a minute where nothing is cached"]
fn a_type_without_a_trait_gets_one_error_at_the_type() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}

/// What is said of a type that lacks a trait is said by that trait: each such message has a case that shows it.
#[test]
fn every_message_about_a_type_has_its_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let shown = std::fs::read_dir(folder.join("cases")).unwrap();
    let shown = shown.map(|entry| entry.unwrap().path());
    let shown: String = shown
        .filter(|path| path.extension().is_some_and(|end| end == "stderr"))
        .map(read)
        .collect();
    let mut messages = 0;
    for name in ["shape.rs", "arg.rs", "call.rs", "output.rs", "state_arg.rs"] {
        let code = read(folder.join("../../../bgjob-runtime/src/tool").join(name));
        for message in code.split("message = \"").skip(1) {
            let message = message.split('"').next().unwrap();
            let words = message
                .split("`{Self}`")
                .max_by_key(|part| part.len())
                .unwrap();
            assert!(shown.contains(words), "no case shows `{message}`");
            messages += 1;
        }
    }
    assert!(messages >= 4, "{messages}");
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
