//! Files of clients before and after.

use super::*;

fn entry() -> Entry {
    Entry {
        command: "/opt/tank".into(),
        args: vec!["serve".into()],
        env: BTreeMap::new(),
    }
}

fn client(name: &str) -> &'static Client {
    Client::named(name).unwrap()
}

fn put(name: &str, text: &str) -> String {
    match edit(client(name), text, "tank", Some(&entry())).unwrap() {
        Edit::To(after) => after,
        Edit::Same => text.to_owned(),
    }
}

#[test]
fn every_client_gets_an_entry_that_is_read_back_and_written_once() {
    for client in &super::super::clients::CLIENTS {
        for text in ["", "\n"] {
            let Edit::To(after) = edit(client, text, "tank", Some(&entry())).unwrap() else {
                panic!("{}", client.name)
            };
            assert_eq!(
                read(client, &after, "tank").unwrap(),
                Some(entry()),
                "{after}"
            );
            assert!(after.ends_with('\n'), "{after:?}");
            let again = edit(client, &after, "tank", Some(&entry())).unwrap();
            assert_eq!(again, Edit::Same, "{}", client.name);
            let Edit::To(gone) = edit(client, &after, "tank", None).unwrap() else {
                panic!("{}", client.name)
            };
            assert_eq!(read(client, &gone, "tank").unwrap(), None, "{gone}");
            assert_eq!(edit(client, &gone, "tank", None).unwrap(), Edit::Same);
        }
        let shown = snippet(client, "tank", &entry());
        assert_eq!(
            read(client, &shown, "tank").unwrap(),
            Some(entry()),
            "{shown}"
        );
    }
}

#[test]
fn comments_order_and_what_others_wrote_stay() {
    let before = "// mine\n{\n  \"theme\": \"dark\", // at night\n  \"context_servers\": {\n    \"other\": {\"command\": \"x\"},\n  },\n  \"font\": 12,\n}\n";
    let after = put("zed", before);
    for line in [
        "// mine",
        "\"theme\": \"dark\", // at night",
        "\"other\": {\"command\": \"x\"}",
        "\"font\": 12,",
    ] {
        assert!(after.contains(line), "{line} in {after}");
    }
    let Edit::To(gone) = edit(client("zed"), &after, "tank", None).unwrap() else {
        panic!("{after}")
    };
    assert_eq!(gone, before, "out again, nothing else has changed");
}

#[test]
fn members_that_somebody_added_to_our_entry_stay() {
    let before = r#"{"mcpServers": {"tank": {"command": "/old", "args": [], "timeout": 60000, "env": {"KEY": "k"}}}}"#;
    let with = Entry {
        env: BTreeMap::from([("MORE".into(), "m".into())]),
        ..entry()
    };
    let Edit::To(after) = edit(client("gemini"), before, "tank", Some(&with)).unwrap() else {
        panic!("nothing changed")
    };
    let after: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(
        after["mcpServers"]["tank"],
        json!({"command": "/opt/tank", "args": ["serve"], "timeout": 60000, "env": {"KEY": "k", "MORE": "m"}})
    );
}

#[test]
fn a_toml_file_keeps_its_comments_and_tables() {
    let before = "# mine\nmodel = \"m\" # the large one\n\n[mcp_servers.other]\ncommand = \"x\"\n\n[profiles.fast]\nmodel = \"s\"\n";
    let after = put("codex", before);
    for line in [
        "# mine",
        "model = \"m\" # the large one",
        "[mcp_servers.other]\ncommand = \"x\"",
        "[profiles.fast]",
    ] {
        assert!(after.contains(line), "{line} in {after}");
    }
    assert!(
        after.contains("[mcp_servers.tank]\ncommand = \"/opt/tank\"\nargs = [\"serve\"]\n"),
        "{after}"
    );
    let Edit::To(gone) = edit(client("codex"), &after, "tank", None).unwrap() else {
        panic!("{after}")
    };
    assert_eq!(gone, before);
}

#[test]
fn what_is_not_understood_is_refused() {
    for (name, text) in [
        ("cursor", "{"),
        ("cursor", "[]"),
        ("cursor", "{\"mcpServers\": []}"),
        ("cursor", "{\"mcpServers\": {\"tank\": \"x\"}}"),
        ("cursor", "{'mcpServers': {}}"),
        ("cursor", "{\"a\": 1 \"b\": 2}"),
        ("codex", "mcp_servers = 3"),
        ("codex", "[[mcp_servers]]\nname = \"x\""),
        ("codex", "[mcp_servers\n"),
    ] {
        assert!(
            edit(client(name), text, "tank", Some(&entry())).is_err(),
            "{text}"
        );
    }
}
