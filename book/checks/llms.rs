//! The book for language models: each chapter's Markdown beside its page, `llms.txt` (llmstxt.org) and
//! `llms-full.txt`. `llms FOLDER` writes them where mdBook wrote its pages.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use bgjob_book::{Chapter, Entry, src, summary};

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
                let text = whole_text(&chapter);
                copy(&folder.join(&path), &text)?;
                index += &head.take().unwrap_or_default();
                let _ = writeln!(index, "- [{title}]({path}): {}", sentence(&chapter.lead()));
                let _ = write!(whole, "\n<!-- {path} -->\n\n{}", text);
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

/// The chapter with the files that it includes, and with the words of its diagrams in their place.
fn whole_text(chapter: &Chapter) -> String {
    let here = src().join(&chapter.path);
    let lines = chapter
        .text
        .lines()
        .filter(|line| !line.contains("figure>"));
    let lines = lines.map(|line| match line.trim().strip_prefix("{{#include ") {
        Some(rest) if rest.ends_with(".svg}}") => {
            let file = here.with_file_name(rest.trim_end_matches("}}"));
            let image = fs::read_to_string(file).unwrap_or_default();
            let title = image.split("</title>").next().unwrap_or_default();
            let title = title.rsplit('>').next().unwrap_or_default();
            format!("(A diagram. {title})\n")
        }
        Some(rest) => {
            let file = here.with_file_name(rest.trim_end_matches("}}"));
            fs::read_to_string(file).unwrap_or_default()
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// The first sentence: up to a full stop before a space, or all of it.
fn sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}
