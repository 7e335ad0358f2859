//! The book for language models: each chapter's Markdown beside its page, `llms.txt` (llmstxt.org) and
//! `llms-full.txt`. `llms FOLDER` writes them where mdBook wrote its pages.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use bgjob_book::{Chapter, Entry, summary};

const HEAD: &str = "# bgjob\n
> One annotated Rust function becomes a typed MCP tool, a command and a durable background job, in one binary.\n
Each page below is Markdown; `llms-full.txt` is all of them in one file.\n";

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: llms FOLDER"))?;
    let (mut index, mut whole) = (HEAD.to_owned(), HEAD.to_owned());
    // A blank line stands before the first chapter of all, and a part's head before its first.
    let mut head = Some("\n".to_owned());
    for entry in summary() {
        match entry {
            Entry::Part(title) => head = Some(format!("\n## {title}\n\n")),
            Entry::Chapter(title, path) => {
                let chapter = Chapter::read(&path);
                copy(&folder.join(&path), &chapter.text)?;
                index += &head.take().unwrap_or_default();
                let _ = writeln!(index, "- [{title}]({path}): {}", sentence(&chapter.lead()));
                let _ = write!(whole, "\n<!-- {path} -->\n\n{}", chapter.text);
            }
        }
    }
    fs::write(folder.join("llms.txt"), index)?;
    fs::write(folder.join("llms-full.txt"), whole)
}

fn copy(to: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::write(to, text)
}

/// The first sentence: up to a full stop before a space, or all of it.
fn sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}
