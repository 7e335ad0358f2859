//! The summary lists every chapter, and every block has a language that somebody checks.

use bgjob_book::{Chapter, chapters, files, src};

use crate::none;

#[test]
fn the_summary_lists_every_chapter_once() {
    let mut found: Vec<String> = files(&src(), "md")
        .iter()
        .map(|path| path.strip_prefix(src()).unwrap().display().to_string())
        .filter(|path| path != "SUMMARY.md")
        .collect();
    let mut listed: Vec<String> = chapters().into_iter().map(|chapter| chapter.path).collect();
    found.sort();
    listed.sort();
    assert_eq!(listed, found);
}

#[test]
fn every_chapter_begins_with_its_title() {
    let wrong = chapters().into_iter().filter(|chapter| {
        let titles = chapter.text.lines().filter(|line| line.starts_with("# "));
        !chapter.text.starts_with("# ") || titles.count() > 1 && chapter.blocks().is_empty()
    });
    let wrong: Vec<String> = wrong.map(|chapter| chapter.path).collect();
    none("chapters without one title at their top", &wrong);
}

/// What is checked: doc tests, this package's tests, `book/quick-start`; `text` is for drawings.
const LANGUAGES: [&str; 5] = ["rust", "console", "json", "toml", "text"];

/// A file that is built and tested as it is.
fn is_of_the_repository(chapter: &Chapter, text: &str) -> bool {
    let path = text.trim().strip_prefix("{{#include ");
    let path = path.and_then(|rest| rest.strip_suffix("}}"));
    path.is_some_and(|path| {
        let file = src().join(&chapter.path).with_file_name(path);
        ["/examples/", "/tests/"]
            .iter()
            .any(|folder| path.contains(folder))
            && file.is_file()
    })
}

#[test]
fn every_block_is_run_or_says_why_not() {
    let mut offenders = Vec::new();
    for chapter in chapters() {
        for block in chapter.blocks() {
            let at = format!("{}:{}", chapter.path, block.line);
            let info = &block.info;
            let runs = LANGUAGES.contains(&block.language()) && !info.contains("ignore");
            if !runs && !is_of_the_repository(&chapter, &block.text) && block.not_run().is_none() {
                offenders.push(format!(
                    "{at}: `{info}` is not run; say why in `<!-- not run: … -->` on the line above"
                ));
            }
        }
    }
    none("blocks that nobody runs", &offenders);
}
