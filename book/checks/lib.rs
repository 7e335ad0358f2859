//! The guide's chapters as data: what its summary lists, and the blocks, links and headings of each.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Each chapter's Rust blocks, as doc tests.
#[cfg(doctest)]
mod chapters {
    include!(concat!(env!("OUT_DIR"), "/chapters.rs"));
}

/// The folder of the chapters.
pub fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The repository.
pub fn root() -> PathBuf {
    let book = Path::new(env!("CARGO_MANIFEST_DIR"));
    book.parent()
        .expect("book/ is in the repository")
        .to_owned()
}

/// The files below `folder` that end with `.ending`, in order; not what other programs put there.
///
/// # Panics
/// Where a folder cannot be read.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if !["target", "node_modules", ".venv"]
                    .iter()
                    .any(|other| name == *other)
                {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|end| end == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The head of a part.
    Part(String),
    /// A chapter: its title there, and its path below `src`.
    Chapter(String, String),
}

/// What `SUMMARY.md` lists, in order.
pub fn summary() -> Vec<Entry> {
    let text = fs::read_to_string(src().join("SUMMARY.md")).expect("the summary");
    text.lines().skip(1).filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let line = line.trim();
    if let Some(part) = line.strip_prefix("# ") {
        return Some(Entry::Part(part.to_owned()));
    }
    let link = line.strip_prefix("- ").unwrap_or(line);
    let (title, path) = link.strip_prefix('[')?.split_once("](")?;
    let path = path.strip_suffix(')')?;
    Some(Entry::Chapter(title.to_owned(), path.to_owned()))
}

/// A page of the book.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// Its path below `src`.
    pub path: String,
    /// Its Markdown.
    pub text: String,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// What stands behind the fence: `rust`, `console`, `rust,no_run`.
    pub info: String,
    /// Its text.
    pub text: String,
    /// Where its text is in the chapter.
    pub range: Range<usize>,
    /// The comment on the line above the fence, without its marks: `not run: captured in a terminal`.
    pub marker: Option<String>,
    /// The line of the fence, from 1.
    pub line: usize,
}

impl Block {
    /// The language: the first word of `info`.
    pub fn language(&self) -> &str {
        self.info.split([',', ' ']).next().unwrap_or_default()
    }

    /// Why the block is not run, where it says so.
    pub fn not_run(&self) -> Option<&str> {
        self.marker.as_deref()?.strip_prefix("not run: ")
    }
}

/// A link or an image.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it leads.
    pub to: String,
    /// Its line, from 1.
    pub line: usize,
}

/// Every chapter that the summary lists, in its order.
///
/// # Panics
/// Where the summary lists a file that is not there.
pub fn chapters() -> Vec<Chapter> {
    let listed = summary().into_iter().filter_map(|entry| match entry {
        Entry::Chapter(_, path) => Some(path),
        Entry::Part(_) => None,
    });
    listed.map(|path| Chapter::read(&path)).collect()
}

impl Chapter {
    /// The chapter at `path` below `src`.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(src().join(path))
            .unwrap_or_else(|error| panic!("the chapter {path}: {error}"));
        Chapter {
            path: path.to_owned(),
            text,
        }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_GFM;
        Parser::new_ext(&self.text, options).into_offset_iter()
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Its fenced and indented blocks.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => "indented".to_owned(),
                    };
                    let above = self.text[..range.start].lines().next_back();
                    open = Some(Block {
                        info,
                        text: String::new(),
                        range: range.end..range.end,
                        marker: above.and_then(comment),
                        line: self.line(range.start),
                    });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        if block.text.is_empty() {
                            block.range.start = range.start;
                        }
                        block.range.end = range.end;
                        block.text += &text;
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// Its links and images.
    pub fn links(&self) -> Vec<Link> {
        let links = self.events().filter_map(|(event, range)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some((dest_url.to_string(), range.start))
            }
            _ => None,
        });
        links
            .map(|(to, at)| Link {
                to,
                line: self.line(at),
            })
            .collect()
    }

    /// Its headings.
    pub fn headings(&self) -> Vec<String> {
        self.texts(|tag| matches!(tag, Tag::Heading { .. }))
    }

    /// Its first paragraph, as plain text.
    pub fn lead(&self) -> String {
        let paragraphs = self.texts(|tag| matches!(tag, Tag::Paragraph));
        paragraphs.into_iter().next().unwrap_or_default()
    }

    /// The words in backticks, outside blocks.
    pub fn codes(&self) -> Vec<String> {
        let codes = self.events().filter_map(|(event, _)| match event {
            Event::Code(text) => Some(text.to_string()),
            _ => None,
        });
        codes.collect()
    }

    fn texts(&self, wanted: impl Fn(&Tag<'_>) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut open: Option<(TagEnd, String)> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(tag) if open.is_none() && wanted(&tag) => {
                    open = Some((tag.to_end(), String::new()));
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, whole)) = &mut open {
                        *whole += &text;
                    }
                }
                Event::SoftBreak => {
                    if let Some((_, whole)) = &mut open {
                        whole.push(' ');
                    }
                }
                Event::End(end) if open.as_ref().is_some_and(|(wanted, _)| *wanted == end) => {
                    found.extend(open.take().map(|(_, text)| text));
                }
                _ => {}
            }
        }
        found
    }

    /// The anchors of its headings, as mdBook makes them.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for heading in self.headings() {
            let plain = anchor(&heading);
            let mut unique = plain.clone();
            for number in 1.. {
                if !anchors.contains(&unique) {
                    break;
                }
                unique = format!("{plain}-{number}");
            }
            anchors.push(unique);
        }
        anchors
    }
}

fn comment(line: &str) -> Option<String> {
    let inside = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inside.trim().to_owned())
}

fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_lowercase().to_string()),
        c if c.is_whitespace() => Some("-".to_owned()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_is_taken_apart() {
        let chapter = Chapter {
            path: "a.md".into(),
            text: "# A `b` C\n\nFirst\nline.\n\n<!-- not run: for a reason -->\n```console\n$ x\n```\n\n[l](b.md#c)\n\n## A b c\n".into(),
        };
        let blocks = chapter.blocks();
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].text, "$ x\n");
        assert_eq!(&chapter.text[blocks[0].range.clone()], "$ x\n");
        assert_eq!(blocks[0].not_run(), Some("for a reason"));
        assert_eq!((blocks[0].language(), blocks[0].line), ("console", 7));
        assert_eq!(chapter.links()[0].to, "b.md#c");
        assert_eq!(chapter.anchors(), ["a-b-c", "a-b-c-1"]);
        assert_eq!(chapter.lead(), "First line.");
    }

    #[test]
    fn a_line_of_the_summary_is_a_part_or_a_chapter() {
        assert_eq!(entry("# Part"), Some(Entry::Part("Part".into())));
        let chapter = Entry::Chapter("T".into(), "a/b.md".into());
        assert_eq!(entry("  - [T](a/b.md)"), Some(chapter.clone()));
        assert_eq!(entry("[T](a/b.md)"), Some(chapter));
        assert_eq!(entry(""), None);
    }
}
