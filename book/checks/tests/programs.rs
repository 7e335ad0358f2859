//! The examples' programs, and a home of one's own to run them in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use bgjob_book::root;
use bgjob_tests::processes;

/// Where the examples' programs are, built anew where their source has changed.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_BIN_EXE_llms"));
        let folder = folder.parent().unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--bins"]);
        for example in std::fs::read_dir(root().join("examples"))
            .unwrap()
            .flatten()
        {
            if example.path().join("Cargo.toml").is_file() {
                build.arg("-p").arg(example.file_name());
            }
        }
        // The target folder of this very program.
        build.arg("--target-dir").arg(folder.parent().unwrap());
        assert!(build.current_dir(root()).status().unwrap().success());
        folder
    })
}

/// A home folder; the programs' data directories are in it, as a user's would be.
pub struct Home {
    dir: tempfile::TempDir,
    cwd: PathBuf,
    last: i32,
    cargo: Vec<(&'static str, PathBuf)>,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("bgjob-book-")
            .tempdir()
            .unwrap();
        let cwd = dir.path().to_owned();
        Home {
            dir,
            cwd,
            last: 0,
            cargo: Vec::new(),
        }
    }

    /// A home whose user has Rust.
    pub fn with_cargo() -> Self {
        let real = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let of = |name: &str, folder: &str| {
            std::env::var_os(name).map_or_else(|| real.join(folder), PathBuf::from)
        };
        let mut home = Home::new();
        home.cargo = vec![
            ("CARGO_HOME", of("CARGO_HOME", ".cargo")),
            ("RUSTUP_HOME", of("RUSTUP_HOME", ".rustup")),
        ];
        home
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a line of shell, as the next in a session; what it wrote, and its exit code.
    pub fn run(&self, line: &str) -> (String, i32) {
        let path = std::env::var("PATH").unwrap_or_default();
        let script = format!(
            "(exit {})\n{line}\ncode=$?\npwd >\"$HOME/.cwd\"\nexit $code",
            self.last
        );
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(&self.cwd)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", format!("{}:{path}", built().display()))
            .env("LANG", "C.UTF-8")
            .envs(self.cargo.iter().map(|(name, path)| (name, path)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = said.replace(&self.path().display().to_string(), "/home/you");
        (said, output.status.code().unwrap_or(-1))
    }

    /// The same, and what the next line sees of it: the folder and the exit code.
    pub fn step(&mut self, line: &str) -> (String, i32) {
        let (said, code) = self.run(line);
        self.last = code;
        if let Ok(cwd) = std::fs::read_to_string(self.path().join(".cwd")) {
            self.cwd = PathBuf::from(cwd.trim());
        }
        (said, code)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let states = self.path().join(".local/state");
        for data in std::fs::read_dir(states).into_iter().flatten().flatten() {
            for found in processes::of(&data.path()) {
                found.kill();
            }
        }
    }
}
