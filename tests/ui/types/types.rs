//! What the compiler says of a type without its traits, and that every tool of this package is registered.

use bgjob_runtime::tool::registry::Registry;

#[test]
#[ignore = "compiles the runtime once more: a minute where nothing is cached"]
fn a_type_without_a_trait_gets_one_error_at_the_type() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
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
