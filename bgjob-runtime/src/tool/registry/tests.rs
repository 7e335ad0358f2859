//! Registries accepted and refused.

use super::*;
use crate::tool::arg::{arg, flatten, state};
use crate::tool::output::output;
use crate::tool::samples::Feed;
use crate::tool::spec::Body;

const BODY: Body = Body::Sync(|call| call.output(&()));

fn plain() -> Signature {
    Signature::new(output::<()>())
}

static SIZE: ToolSpec = ToolSpec::new("size", "a.rs:1", plain, BODY).state_patch("sizing", "");
static SIZE_AGAIN: ToolSpec = ToolSpec::new("size", "b.rs:2", plain, BODY);
static REPORT: ToolSpec = ToolSpec::new(
    "report",
    "c.rs:3",
    || plain().state(state::<u32>("sizings")),
    BODY,
);

fn refused(specs: &[&'static ToolSpec]) -> String {
    Registry::from_specs(specs.iter().copied()).unwrap_err()
}

#[test]
fn tools_are_found_by_name_in_the_order_of_their_names() {
    let registry = Registry::from_specs([&SIZE, &REPORT]).unwrap();
    let names: Vec<_> = registry.iter().map(Tool::name).collect();
    assert_eq!(names, ["report", "size"]);
    assert_eq!(registry.get("size").unwrap().spec.location, "a.rs:1");
    assert!(registry.get("siz").is_none());
    assert_eq!(registry.state_fields(), ["sizing", "sizings"]);
    assert_eq!(
        registry
            .writers("sizing")
            .map(Tool::name)
            .collect::<Vec<_>>(),
        ["size"]
    );
}

#[test]
fn an_empty_registry_says_how_to_link_the_tools() {
    let text = refused(&[]);
    assert!(
        text.contains("no tools are linked") && text.contains("use my_tools as _;"),
        "{text}"
    );
}

#[test]
fn two_tools_of_one_name_are_both_located() {
    let text = refused(&[&SIZE, &SIZE_AGAIN]);
    assert!(
        text.contains("`size`: a.rs:1, b.rs:2") && text.contains("help: "),
        "{text}"
    );
}

#[test]
fn names_that_cannot_be_are_refused() {
    static UPPER: ToolSpec = ToolSpec::new("Size", "d.rs:4", plain, BODY);
    static RESERVED: ToolSpec = ToolSpec::new("list_jobs", "e.rs:5", plain, BODY);
    let text = refused(&[&UPPER, &RESERVED]);
    assert!(
        text.contains("`Size` cannot name a tool (d.rs:4)"),
        "{text}"
    );
    assert!(
        text.contains("`list_jobs` is the name of a job tool"),
        "{text}"
    );
}

#[test]
fn defaults_must_fit_their_type_and_range() {
    static WRONG: ToolSpec = ToolSpec::new(
        "wrong",
        "f.rs:6",
        || plain().arg(arg::<u8>("n").default(&300)),
        BODY,
    );
    static OUTSIDE: ToolSpec = ToolSpec::new(
        "outside",
        "g.rs:7",
        || plain().arg(arg::<u8>("n").maximum(9).default(&10)),
        BODY,
    );
    static FITS: ToolSpec = ToolSpec::new(
        "fits",
        "h.rs:8",
        || plain().arg(arg::<f64>("x").minimum(1).default(&1)),
        BODY,
    );
    let text = refused(&[&WRONG, &OUTSIDE, &FITS]);
    assert!(
        text.contains("the default of `n` of the tool `wrong` does not fit"),
        "{text}"
    );
    assert!(
        text.contains("`outside` is out of its range: 10 (g.rs:7)"),
        "{text}"
    );
    assert!(!text.contains("fits` "), "{text}");
}

#[test]
fn options_that_cannot_bind_are_refused() {
    static IDLE: ToolSpec = ToolSpec::new(
        "idle",
        "i.rs:9",
        || plain().arg(arg::<String>("s").minimum(1)),
        BODY,
    );
    static BINDS: ToolSpec = ToolSpec::new(
        "binds",
        "j.rs:10",
        || plain().arg(arg::<Option<u8>>("n").minimum(1)),
        BODY,
    );
    static FLAT: ToolSpec = ToolSpec::new(
        "flat",
        "k.rs:11",
        || plain().flatten(flatten::<u32>("p")),
        BODY,
    );
    static STRUCT: ToolSpec = ToolSpec::new(
        "struct",
        "l.rs:12",
        || plain().flatten(flatten::<Feed>("p")),
        BODY,
    );
    let text = refused(&[&IDLE, &BINDS, &FLAT, &STRUCT]);
    assert!(
        text.contains("`s` of the tool `idle` has a range and is not a number (i.rs:9)"),
        "{text}"
    );
    assert!(
        text.contains("`p` of the tool `flat` stands for all arguments and has no fields"),
        "{text}"
    );
    assert!(
        !text.contains("`binds`") && !text.contains("`struct`"),
        "{text}"
    );
}

#[test]
fn a_state_field_that_no_tool_writes_is_a_warning() {
    let registry = Registry::from_specs([&SIZE, &REPORT]).unwrap();
    let [warning] = registry.warnings() else {
        panic!("{:?}", registry.warnings())
    };
    assert!(
        warning.contains("`report` reads the state field `sizings`"),
        "{warning}"
    );
    assert!(warning.contains("did you mean `sizing`?"), "{warning}");
}
