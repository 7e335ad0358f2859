//! `schema`: what is exported, and what `--check` says of the change from one version to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use bgjob_runtime::tool::schema::diff::Kind;
use bgjob_tests::Sandbox;
use bgjob_tests::mcp::Server;
use serde_json::{Value, json};

use crate::sandbox;

fn export(sandbox: &Sandbox, name: &str) -> BTreeMap<String, String> {
    let ran = sandbox.run(["schema", "--out", name]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    files(&sandbox.path(name))
}

/// Every file below `root`, by its path.
fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let shown = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(shown, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn before() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_before"))
}

fn after() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_after"))
}

#[test]
fn an_export_is_the_same_each_time_and_has_every_profile() {
    let sandbox = before();
    let first = export(&sandbox, "first");
    assert_eq!(first, export(&sandbox, "second"));
    assert_eq!(first, export(&sandbox, "first"));
    for path in [
        "catalog.json",
        "mcp.tools.json",
        "job.schema.json",
        "draft-07/job.schema.json",
        "tools/compute/input.schema.json",
        "tools/compute/result.schema.json",
        "draft-07/compute/input.schema.json",
        "wire/compute/input.schema.json",
        "wire/compute/result.schema.json",
        "strict/compute/input.schema.json",
    ] {
        assert!(first.contains_key(path), "{path} in {:?}", first.keys());
    }
    let job = &first["job.schema.json"];
    for word in [
        "input_required",
        "rejected",
        "timed_out",
        "unknown_argument",
    ] {
        assert!(job.contains(word), "{word}");
    }
}

#[test]
fn the_list_of_tools_is_what_the_server_answers() {
    let sandbox = sandbox();
    let written = export(&sandbox, "export")["mcp.tools.json"].clone();
    let mut server = Server::start(&sandbox);
    let answer = server.request("tools/list", json!({}));
    assert_eq!(answer["result"].to_string(), written);
    server.leave();
}

#[test]
fn profiles_are_printed_and_a_tool_without_a_strict_form_says_why() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_torture"));
    let named = sandbox
        .run(["schema", "enums", "--profile", "named"])
        .json();
    assert_eq!(named["input_schema"]["title"], "EnumsInput");
    let wire = sandbox.run(["schema", "enums"]).json();
    assert!(wire["input_schema"].get("$defs").is_none());
    let refused = sandbox.run(["schema", "open", "--profile", "strict"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("open-map"), "{refused:?}");
    let all = sandbox.run(["schema", "--profile", "strict"]).json();
    let tools = all["tools"].as_array().unwrap();
    let open = tools.iter().find(|tool| tool["name"] == "open").unwrap();
    assert_eq!(open["lint"]["code"], "open-map");
}

#[test]
fn each_kind_of_change_between_two_versions_has_its_class() {
    let (before, after) = (before(), after());
    export(&before, "export");
    let old = before.path("export");
    let ran = after.run(["schema", "--check", old.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report = ran.json();
    let changes = report["changes"].as_array().unwrap();
    let found: Vec<String> = changes
        .iter()
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {}{}",
                text("class"),
                text("code"),
                text("of"),
                text("at")
            )
        })
        .collect();
    let expected = [
        "breaking state-read-added compute",
        "breaking state-write-removed compute",
        "breaking narrowed compute input/narrowed",
        "breaking narrowed compute input/narrowed",
        "breaking narrowed compute input/mixing",
        "breaking required-added compute input/required_later",
        "breaking property-removed compute input/removed",
        "breaking required-added compute input/demanded",
        "breaking property-removed compute result/gone",
        "breaking widened compute result/always",
        "breaking required-removed compute result/always",
        "breaking widened compute result/count",
        "breaking tool-removed old_name",
        "additive state-read-removed compute",
        "additive state-write-added compute",
        "additive widened compute input/widened",
        "additive widened compute input/widened",
        "additive widened compute input/mixing",
        "additive required-removed compute input/optional_later",
        "additive default-changed compute input/preset",
        "additive property-added compute input/added",
        "additive property-added compute result/new",
        "additive tool-added new_name",
        "text text-changed compute",
        "text text-changed compute input/optional_later",
    ];
    assert_eq!(found, expected);
    let codes: BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| change["code"].as_str())
        .collect();
    let known: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(codes, known, "each kind of change is among them");
}

#[test]
fn only_a_breaking_change_fails_the_check() {
    let sandbox = before();
    export(&sandbox, "export");
    let check = || sandbox.run(["schema", "--check", "export"]);
    let clean = check();
    assert_eq!(
        (clean.code, clean.stdout.as_str()),
        (Some(0), ""),
        "{clean:?}"
    );
    let input = sandbox.path("export/wire/same/input.schema.json");
    edit(&input, |old| {
        old["properties"]["text"]["description"] = "Words.".into()
    });
    let text = check();
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(
        text.stdout.starts_with("text      text-changed"),
        "{text:?}"
    );
    edit(&input, |old| {
        old["properties"]["text"]["maxLength"] = 5.into()
    });
    let additive = check();
    assert_eq!(additive.code, Some(0), "{additive:?}");
    assert!(
        additive.stdout.starts_with("additive  widened"),
        "{additive:?}"
    );
    edit(&input, |old| {
        old["properties"]["text"]["type"] = json!(["string", "integer"])
    });
    let breaking = check();
    assert_eq!(breaking.code, Some(1), "{breaking:?}");
    assert!(
        breaking.stdout.starts_with("breaking  narrowed"),
        "{breaking:?}"
    );
}

#[test]
fn the_check_tells_lints_and_a_folder_without_an_export() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_torture"));
    let refused = sandbox.run(["schema", "--check", "nowhere"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("schema --out"), "{refused:?}");
    export(&sandbox, "export");
    let ran = sandbox.run(["schema", "--check", "export"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for code in [
        "any-value",
        "open-map",
        "tuple",
        "big-integer",
        "recursive",
        "root-union",
    ] {
        assert!(ran.stdout.contains(code), "{code} in {ran:?}");
    }
}

#[test]
fn tools_that_are_gone_leave_nothing_in_a_later_export() {
    let (before, after) = (before(), after());
    export(&before, "export");
    let folder = before.path("export");
    fs::write(folder.join("README"), "mine").unwrap();
    let ran = after.run(["schema", "--out", folder.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut left = files(&folder);
    assert_eq!(left.remove("README").as_deref(), Some("mine"));
    assert_eq!(left, export(&after, "export"));
}
