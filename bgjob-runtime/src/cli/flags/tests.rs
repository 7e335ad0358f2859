//! From a schema to flags and back to an input.

use clap::Command;
use serde_json::json;

use super::*;

fn schema() -> Map<String, Value> {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["days", "tank"],
        "properties": {
            "days": {"type": "integer", "minimum": 1, "maximum": 3650, "default": 100, "description": "Days to simulate,\nin d.\n\nMore."},
            "feed_rate": {"type": "number", "exclusiveMinimum": 0, "maximum": 9.5},
            "steady": {"type": "boolean", "default": false},
            "tags": {"type": "array", "items": {"type": "string"}},
            "kind": {"type": "string", "enum": ["cstr", "plug"]},
            "count": {"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32},
            "tank": {"$ref": "#/$defs/Tank"},
            "input": {"type": "string", "description": "A name that run has too."},
            "key": {"type": "string"}
        },
        "$defs": {"Tank": {"type": "object", "required": ["h"], "properties": {
            "h": {"type": "number", "description": "Height, in m."}, "inner": {"$ref": "#/$defs/Tank"}}}}
    });
    let Value::Object(schema) = schema else {
        unreachable!()
    };
    schema
}

fn flags() -> Flags {
    Flags::of(&schema(), &["input", "set"], |name| name == "key")
}

fn input(args: &[&str]) -> Value {
    let flags = flags();
    let command = Command::new("t").no_binary_name(true).args(flags.args());
    let given = command.try_get_matches_from(args).unwrap();
    Value::Object(flags.collect(Map::new(), &given, &[]).unwrap())
}

#[test]
fn flags_become_an_input_of_the_right_types() {
    assert_eq!(
        input(&["--days", "7", "--feed-rate", "-1.5"]),
        json!({"days": 7, "feed_rate": -1.5})
    );
    assert_eq!(input(&["--feed_rate=2"]), json!({"feed_rate": 2}));
    assert_eq!(
        input(&["--steady", "--tags", "a", "--tags", "b"]),
        json!({"steady": true, "tags": ["a", "b"]})
    );
    assert_eq!(
        input(&["--steady", "false", "--tank", "{\"h\":1}"]),
        json!({"steady": false, "tank": {"h": 1}})
    );
    assert_eq!(input(&[]), json!({}));
}

#[test]
fn settings_overrule_flags_and_flags_overrule_the_file() {
    let flags = flags();
    let given = Command::new("t")
        .no_binary_name(true)
        .args(flags.args())
        .try_get_matches_from(["--days", "2"])
        .unwrap();
    let base = Map::from_iter([
        ("days".to_owned(), json!(1)),
        ("kind".to_owned(), json!("cstr")),
    ]);
    let settings = [
        Setting::parse("tank.h=3").unwrap(),
        Setting::parse("kind=plug").unwrap(),
    ];
    let input = flags.collect(base, &given, &settings).unwrap();
    assert_eq!(
        Value::Object(input),
        json!({"days": 2, "kind": "plug", "tank": {"h": 3}})
    );
}

#[test]
fn a_colliding_name_has_no_flag_and_the_help_says_so() {
    let flags = flags();
    assert!(flags.args().all(|arg| arg.get_long() != Some("input")));
    let help = flags.after_help(100);
    assert!(
        help.contains("--set input=<TEXT>  A name that run has too."),
        "{help}"
    );
    assert!(
        help.contains("tank.h=<NUMBER>") && help.contains("Height, in m. [required]"),
        "{help}"
    );
    assert_eq!(flags.usage("input").unwrap(), "--set input=<TEXT>");
    assert_eq!(flags.usage("feed_rate").unwrap(), "--feed-rate <NUMBER>");
    assert_eq!(
        (flags.place("/days"), flags.place("/tank/h")),
        (Some("--days".into()), None)
    );
}

#[test]
fn the_help_of_a_flag_says_what_fits() {
    let flags = flags();
    let help = |name: &str| {
        let arg = flags
            .args()
            .find(|arg| arg.get_long() == Some(name))
            .unwrap();
        arg.get_help().unwrap().to_string()
    };
    assert_eq!(
        help("days"),
        "Days to simulate, in d. [required; 1 to 3650; default: 100]"
    );
    assert_eq!(help("feed-rate"), "[more than 0, at most 9.5]");
    assert_eq!(help("kind"), "[one of cstr, plug]");
    assert_eq!(help("count"), "[at least 0]");
    assert!(help("key").contains("secret"));
}

#[test]
fn names_that_make_no_flag_are_left_to_set() {
    for name in ["", "-x", "a b", "größe", "a=b"] {
        assert_eq!(flag_name(name), None, "{name}");
    }
}
