//! `install`: the server in the configuration of clients, in a home of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bgjob_tests::terminal::Terminal;
use bgjob_tests::{Ran, Sandbox, finish};
use serde_json::{Value, json};

use crate::sandbox;

const ALL: [(&str, &str); 8] = [
    (
        "claude-desktop",
        ".config/Claude/claude_desktop_config.json",
    ),
    ("claude-code", ".claude.json"),
    ("cursor", ".cursor/mcp.json"),
    ("vscode", ".config/Code/User/mcp.json"),
    ("codex", ".codex/config.toml"),
    ("gemini", ".gemini/settings.json"),
    ("windsurf", ".codeium/windsurf/mcp_config.json"),
    ("zed", ".config/zed/settings.json"),
];

fn home(sandbox: &Sandbox) -> PathBuf {
    let home = sandbox.path("home");
    fs::create_dir_all(&home).unwrap();
    home
}

fn install(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.command(["install"]);
    command.args(args).env("HOME", home(sandbox));
    for name in ["XDG_CONFIG_HOME", "CODEX_HOME"] {
        command.env_remove(name);
    }
    command
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Ran {
    finish(&mut install(sandbox, args))
}

#[test]
fn every_client_is_installed_verified_and_taken_out_again() {
    let sandbox = sandbox();
    for (client, file) in ALL {
        let path = home(&sandbox).join(file);
        let ran = run(&sandbox, &[client, "--yes"]);
        assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{client}: {ran:?}");
        assert!(
            ran.stderr.contains("fixture") && ran.stderr.contains("tools after"),
            "{client}: {ran:?}"
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("\"serve\"") && text.contains("fixture"),
            "{client}: {text}"
        );
        assert!(
            text.contains(&sandbox.data().display().to_string()),
            "{client}: {text}"
        );
        let again = run(&sandbox, &[client]);
        assert_eq!(again.code, Some(0), "nothing to confirm: {again:?}");
        assert!(
            again.stderr.contains("nothing to change"),
            "{client}: {again:?}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let gone = run(&sandbox, &[client, "--uninstall", "-y"]);
        assert_eq!(gone.code, Some(0), "{gone:?}");
        assert!(
            !fs::read_to_string(&path).unwrap().contains("\"serve\""),
            "{client}"
        );
    }
}

#[test]
fn a_file_that_is_there_keeps_its_mode_and_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = sandbox();
    let folder = home(&sandbox).join(".config/zed");
    fs::create_dir_all(&folder).unwrap();
    let (path, real) = (folder.join("settings.json"), sandbox.path("dotfiles.json"));
    let before = "{\n  // mine\n  \"theme\": \"dark\",\n}\n";
    fs::write(&real, before).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &path).unwrap();
    let ran = run(&sandbox, &["zed", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(path.is_symlink(), "a link stays one");
    let after = fs::read_to_string(&real).unwrap();
    assert!(
        after.contains("// mine") && after.contains("context_servers"),
        "{after}"
    );
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(
        ran.stderr.contains("+ ") && !ran.stderr.contains("- "),
        "{ran:?}"
    );
    let kept = fs::read_dir(sandbox.path(""))
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let kept: Vec<PathBuf> = kept
        .filter(|path| path.extension().is_some_and(|end| end == "bak"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(fs::read_to_string(&kept[0]).unwrap(), before);
}

#[test]
fn what_cannot_be_understood_is_left_alone() {
    let sandbox = sandbox();
    for (client, file, text) in [
        ("cursor", ".cursor/mcp.json", "{\"mcpServers\": {"),
        ("gemini", ".gemini/settings.json", "{\"mcpServers\": []}"),
        ("codex", ".codex/config.toml", "mcp_servers = 3\n"),
    ] {
        let path = home(&sandbox).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        for args in [&[client, "--yes"][..], &[client, "--uninstall", "--yes"]] {
            let ran = run(&sandbox, args);
            if client == "gemini" && args.len() == 3 {
                continue;
            }
            if client == "codex" && args.len() == 3 {
                continue;
            }
            assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
            assert!(
                ran.stderr.contains("left alone") && ran.stderr.contains("--print"),
                "{ran:?}"
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn nothing_is_written_without_a_yes() {
    let sandbox = sandbox();
    let path = home(&sandbox).join(".cursor/mcp.json");
    let ran = run(&sandbox, &["cursor"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--yes") && !path.exists(), "{ran:?}");
    let mut terminal = Terminal::start(&mut install(&sandbox, &["cursor"]), 100, 40);
    terminal.wait_for("Write this? [y/N]");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(
        screen.contains("nothing was written") && !path.exists(),
        "{screen}"
    );
    let mut terminal = Terminal::start(&mut install(&sandbox, &["cursor"]), 100, 40);
    terminal.wait_for("Write this? [y/N]");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("Restart Cursor") && path.exists(),
        "{screen}"
    );
}

#[test]
fn what_another_program_wrote_meanwhile_is_not_lost() {
    let sandbox = sandbox();
    let path = home(&sandbox).join(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{}").unwrap();
    let mut terminal = Terminal::start(&mut install(&sandbox, &["cursor"]), 100, 40);
    terminal.wait_for("Write this? [y/N]");
    let theirs = r#"{"mcpServers": {"theirs": {"command": "x"}}}"#;
    fs::write(&path, theirs).unwrap();
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("it was changed meanwhile"), "{screen}");
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
}

#[test]
fn printing_touches_nothing_and_the_list_says_what_is_there() {
    let sandbox = sandbox();
    let ran = run(
        &sandbox,
        &[
            "claude-code",
            "--print",
            "--env",
            "KEY=value",
            "--name",
            "other",
        ],
    );
    let shown: Value = ran.json();
    let server = &shown["mcpServers"]["other"];
    assert_eq!(
        (&server["type"], &server["env"]),
        (&json!("stdio"), &json!({"KEY": "value"})),
        "{shown}"
    );
    assert_eq!(fs::read_dir(home(&sandbox)).unwrap().count(), 0);
    fs::create_dir_all(home(&sandbox).join(".cursor")).unwrap();
    assert_eq!(run(&sandbox, &["windsurf", "--yes"]).code, Some(0));
    let clients = run(&sandbox, &["--json"]).json()["clients"].clone();
    let of = |name: &str, fact: &str| {
        let found = clients
            .as_array()
            .unwrap()
            .iter()
            .find(|client| client["name"] == name);
        found.unwrap()[fact].clone()
    };
    assert_eq!(
        (of("cursor", "present"), of("cursor", "installed")),
        (json!(true), json!(false))
    );
    assert_eq!(
        (of("windsurf", "present"), of("windsurf", "installed")),
        (json!(true), json!(true))
    );
    assert_eq!(of("zed", "present"), json!(false));
    assert!(run(&sandbox, &[]).stdout.contains("windsurf"));
    let unknown = run(&sandbox, &["cursr"]);
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("did you mean `cursor`"),
        "{unknown:?}"
    );
}

#[test]
fn a_server_that_does_not_work_as_a_client_starts_it_is_told() {
    let sandbox = sandbox();
    // The fixture's data directory is a file: the server cannot start.
    fs::write(sandbox.data(), "").unwrap();
    let ran = run(&sandbox, &["cursor", "--yes"]);
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert!(
        ran.stderr.contains("does not work") && ran.stderr.contains("--uninstall"),
        "{ran:?}"
    );
    fs::remove_file(sandbox.data()).unwrap();
}
