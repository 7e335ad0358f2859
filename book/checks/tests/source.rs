//! Public methods and fields with their documentation, read from the source text.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// A documented item.
#[derive(Debug)]
pub struct Item {
    pub name: String,
    /// A method's signature, a field's type.
    pub code: String,
    docs: String,
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `[`Job::restore`](Job::restore)` is `Job::restore`: what rustdoc links, the book does not.
static LINKS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[(`[^`\]]+`)\](\([A-Za-z_:!#.\-]*\))?").unwrap());

static PATHS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[([^\]]+)\]\([A-Za-z_#.\-]*::[^)]*\)").unwrap());

impl Item {
    /// The documentation as Markdown below a heading of its own.
    pub fn prose(&self) -> String {
        let (mut text, mut inside) = (String::new(), false);
        for line in self.docs.lines() {
            if line.starts_with("```") {
                inside = !inside;
                text += if inside && line == "```" {
                    "```rust"
                } else {
                    line
                };
            } else if let Some(head) = line.strip_prefix("# ").filter(|_| !inside) {
                text += &format!("**{head}**\n");
            } else {
                text += line;
            }
            text.push('\n');
        }
        let text = LINKS.replace_all(text.trim(), "$1");
        PATHS.replace_all(&text, "$1").into_owned()
    }

    /// Its first sentence.
    pub fn lead(&self) -> String {
        let prose = self.prose();
        let paragraph = prose
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .replace('\n', " ");
        let end = paragraph.find(". ").map_or(paragraph.len(), |end| end + 1);
        paragraph[..end].to_owned()
    }
}

/// The lines of the blocks that begin with `head`, up to the brace in the first column.
fn bodies<'a>(text: &'a str, head: &str) -> Vec<&'a str> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while lines.by_ref().any(|line| line.starts_with(head)) {
        found.extend(lines.by_ref().take_while(|line| *line != "}"));
    }
    found
}

/// The public methods of the type `name`.
pub fn methods(text: &str, name: &str) -> Vec<Item> {
    let (mut items, mut docs) = (Vec::new(), String::new());
    let mut open: Option<String> = None;
    for line in bodies(text, &format!("impl {name} {{"))
        .into_iter()
        .map(str::trim)
    {
        if let Some(doc) = line.strip_prefix("///") {
            docs += doc.strip_prefix(' ').unwrap_or(doc);
            docs.push('\n');
            continue;
        }
        let begins = ["pub fn ", "pub async fn "]
            .iter()
            .any(|start| line.starts_with(start));
        if begins || open.is_some() {
            let code = format!("{} {line}", open.take().unwrap_or_default());
            match code.strip_suffix('{') {
                Some(code) => items.push(method(code, std::mem::take(&mut docs))),
                None => open = Some(code),
            }
        } else if !line.starts_with('#') {
            docs.clear();
        }
    }
    items
}

fn method(code: &str, docs: String) -> Item {
    let code = code.trim().strip_prefix("pub ").unwrap_or(code);
    let code = code.replace("( ", "(").replace(", )", ")");
    let name = code.split("fn ").nth(1).unwrap_or_default();
    let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
    Item {
        name,
        code: code.trim().to_owned(),
        docs,
    }
}

/// The public fields of the struct, or the variants of the enum, `name`.
pub fn fields(text: &str, name: &str) -> Vec<Item> {
    let (mut items, mut docs, mut skipped) = (Vec::new(), String::new(), false);
    let kinds = [
        format!("pub struct {name} {{"),
        format!("pub enum {name} {{"),
    ];
    let lines = kinds
        .iter()
        .flat_map(|head| bodies(text, head))
        .map(str::trim);
    for line in lines {
        if let Some(doc) = line.strip_prefix("///") {
            docs += doc.strip_prefix(' ').unwrap_or(doc);
            docs.push('\n');
        } else if line == "#[serde(skip)]" {
            skipped = true;
        } else if let Some(item) = line.strip_suffix(',').filter(|line| !line.starts_with('#')) {
            let item = item.strip_prefix("pub ").unwrap_or(item);
            let (name, code) = item.split_once(": ").unwrap_or((item, ""));
            let docs = std::mem::take(&mut docs);
            // What is not written is no key.
            if std::mem::take(&mut skipped) {
                continue;
            }
            items.push(Item {
                name: name.to_owned(),
                code: code.to_owned(),
                docs,
            });
        }
    }
    items
}

#[test]
fn methods_and_fields_are_found_with_their_documentation() {
    let text = "impl Job {\n    /// Says [`Job::x`]. More.\n    ///\n    /// # Errors\n    /// None.\n    #[must_use]\n    pub fn a(\n        &self,\n    ) -> u8 {\n        1\n    }\n\n    fn b() {}\n}\npub struct S {\n    /// One.\n    #[serde(default)]\n    pub x: Option<u8>,\n}\n";
    let found = methods(text, "Job");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].code.as_str()),
        ("a", "fn a(&self) -> u8")
    );
    assert_eq!(found[0].lead(), "Says `Job::x`.");
    assert!(
        found[0].prose().ends_with("**Errors**\n\nNone."),
        "{}",
        found[0].prose()
    );
    let found = fields(text, "S");
    assert_eq!(
        (found[0].name.as_str(), found[0].code.as_str()),
        ("x", "Option<u8>")
    );
}
