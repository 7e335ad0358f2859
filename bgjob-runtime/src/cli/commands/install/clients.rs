//! The MCP clients whose configuration can be written: where it is and what it looks like, as their
//! documentation said in November 2026.

use std::path::{Path, PathBuf};

/// How a client's file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, in which comments and trailing commas are kept if there are any.
    Json,
    /// TOML.
    Toml,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// What `install` calls it.
    pub name: &'static str,
    /// What its makers call it.
    pub title: &'static str,
    /// How its file is written.
    pub format: Format,
    /// The member of the file that has all servers by their names.
    pub servers: &'static str,
    /// Whether each server says that it is spoken to over stdio.
    pub says_stdio: bool,
    /// What makes it read the file again.
    pub reload: &'static str,
    /// Where this is documented.
    pub docs: &'static str,
    home: fn(&Homes) -> PathBuf,
    file: &'static str,
}

/// Every client.
pub const CLIENTS: [Client; 8] = [
    Client {
        name: "claude-desktop",
        title: "Claude Desktop",
        format: Format::Json,
        servers: "mcpServers",
        says_stdio: false,
        reload: "Quit Claude Desktop and start it again.",
        // The page names macOS and Windows; builds for Linux follow the XDG base directories.
        docs: "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        home: |homes| homes.config.join("Claude"),
        file: "claude_desktop_config.json",
    },
    Client {
        name: "claude-code",
        title: "Claude Code",
        format: Format::Json,
        servers: "mcpServers",
        says_stdio: true,
        reload: "Start a new session; `/mcp` lists the servers.",
        docs: "https://code.claude.com/docs/en/mcp",
        home: |homes| homes.home.clone(),
        file: ".claude.json",
    },
    Client {
        name: "cursor",
        title: "Cursor",
        format: Format::Json,
        servers: "mcpServers",
        says_stdio: false,
        reload: "Restart Cursor.",
        docs: "https://cursor.com/docs/mcp",
        home: |homes| homes.home.join(".cursor"),
        file: "mcp.json",
    },
    Client {
        name: "vscode",
        title: "Visual Studio Code",
        format: Format::Json,
        servers: "servers",
        says_stdio: true,
        reload: "Run `MCP: List Servers` from the command palette and start it.",
        docs: "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        home: |homes| homes.config.join("Code/User"),
        file: "mcp.json",
    },
    Client {
        name: "codex",
        title: "Codex CLI",
        format: Format::Toml,
        servers: "mcp_servers",
        says_stdio: false,
        reload: "Start a new session; `/mcp` lists the servers.",
        docs: "https://developers.openai.com/codex/mcp",
        home: |homes| homes.codex.clone(),
        file: "config.toml",
    },
    Client {
        name: "gemini",
        title: "Gemini CLI",
        format: Format::Json,
        servers: "mcpServers",
        says_stdio: false,
        reload: "Start it again; `/mcp` lists the servers.",
        docs: "https://geminicli.com/docs/tools/mcp-server",
        home: |homes| homes.home.join(".gemini"),
        file: "settings.json",
    },
    Client {
        name: "windsurf",
        title: "Windsurf",
        format: Format::Json,
        servers: "mcpServers",
        says_stdio: false,
        reload: "Refresh the servers in the Cascade panel.",
        docs: "https://docs.windsurf.com/windsurf/cascade/mcp",
        home: |homes| homes.home.join(".codeium/windsurf"),
        file: "mcp_config.json",
    },
    Client {
        name: "zed",
        title: "Zed",
        format: Format::Json,
        servers: "context_servers",
        says_stdio: false,
        reload: "Zed reads the file at once.",
        docs: "https://zed.dev/docs/ai/mcp",
        home: |homes| homes.config.join("zed"),
        file: "settings.json",
    },
];

/// The folders of this user.
#[derive(Debug)]
pub struct Homes {
    home: PathBuf,
    /// `XDG_CONFIG_HOME`, or `~/.config` (XDG base directory specification).
    config: PathBuf,
    /// `CODEX_HOME`, or `~/.codex`.
    codex: PathBuf,
}

impl Homes {
    /// As the environment says; `None` without a home.
    pub fn of_this_user() -> Option<Self> {
        let home = dirs::home_dir().filter(|home| home.is_absolute())?;
        let codex = std::env::var_os("CODEX_HOME").filter(|path| !path.is_empty());
        Some(Homes {
            config: dirs::config_dir().unwrap_or_else(|| home.join(".config")),
            codex: codex.map_or_else(|| home.join(".codex"), PathBuf::from),
            home,
        })
    }
}

impl Client {
    /// The client called `name`.
    pub fn named(name: &str) -> Option<&'static Client> {
        CLIENTS.iter().find(|client| client.name == name)
    }

    /// Its file.
    pub fn path(&self, homes: &Homes) -> PathBuf {
        (self.home)(homes).join(self.file)
    }

    /// Whether it seems to be there: its file is, or the folder of its own that the file is in.
    pub fn is_present(&self, homes: &Homes) -> bool {
        let folder = (self.home)(homes);
        self.path(homes).exists() || (folder != homes.home && folder.is_dir())
    }
}

/// The file itself where `path` is a link to it, as in a folder of dot files under version control.
pub fn behind_links(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
