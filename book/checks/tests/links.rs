//! Links lead to pages and headings that exist; paths of the repository and names of tests do, too.

use std::path::Path;

use bgjob_book::{Chapter, chapters, files, root, src};

use crate::none;

fn folder(path: &str) -> &Path {
    Path::new(path).parent().unwrap_or(Path::new(""))
}

/// `a/../b` is `b`.
fn tidy(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.iter().map(|part| part.to_string_lossy()) {
        if part == ".." && parts.pop().is_some() {
            continue;
        }
        parts.push(part.into_owned());
    }
    parts.join("/")
}

fn problem(chapter: &Chapter, all: &[Chapter], to: &str) -> Option<String> {
    if to.starts_with("https://") {
        return None;
    }
    if to.contains("://") {
        return Some("only https and relative links".into());
    }
    let (path, fragment) = to.split_once('#').unwrap_or((to, ""));
    let target = match path {
        "" => chapter.path.clone(),
        path => tidy(&folder(&chapter.path).join(path)),
    };
    if !target.ends_with(".md") {
        return (!src().join(&target).is_file()).then(|| format!("no file `{target}`"));
    }
    let Some(page) = all.iter().find(|page| page.path == target) else {
        return Some(format!("no chapter `{target}`"));
    };
    let missing = !fragment.is_empty() && !page.anchors().iter().any(|known| known == fragment);
    missing.then(|| format!("no heading `#{fragment}` in {target}: {:?}", page.anchors()))
}

#[test]
fn links_lead_somewhere() {
    let all = chapters();
    let mut offenders = Vec::new();
    for chapter in &all {
        for link in chapter.links() {
            if let Some(why) = problem(chapter, &all, &link.to) {
                offenders.push(format!(
                    "{}:{}: {}: {why}",
                    chapter.path, link.line, link.to
                ));
            }
        }
    }
    none("links that lead nowhere", &offenders);
}

/// `examples/digester/src/tools.rs`, and as the map of the architecture has it `store/job_dir.rs`.
fn is_path(word: &str) -> bool {
    let rooted = ["examples/", "tests/", "bgjob-", "book/"];
    // `src/main.rs` is the reader's own.
    let plain = !word.starts_with("src/") && !word.contains([' ', '<', '*', '{', '…', '$', '~']);
    plain
        && (word.contains('/') && word.ends_with(".rs")
            || rooted.iter().any(|start| word.starts_with(start)))
}

#[test]
fn paths_of_the_repository_exist() {
    let roots = ["", "bgjob-runtime/src", "bgjob-macros/src"];
    let mut offenders = Vec::new();
    for chapter in chapters() {
        for word in chapter.codes().into_iter().filter(|word| is_path(word)) {
            if !roots
                .iter()
                .any(|base| root().join(base).join(&word).exists())
            {
                offenders.push(format!("{}: `{word}`", chapter.path));
            }
        }
    }
    none("paths that are not in the repository", &offenders);
}

fn sources() -> String {
    let folders = [
        "tests",
        "bgjob-runtime",
        "bgjob-macros",
        "examples",
        "book/checks",
    ];
    let all = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder), "rs"));
    all.map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// Tests have sentences for names: `limits::a_limit_binds_over_all_processes`.
fn test_name(word: &str) -> Option<&str> {
    let name = word.rsplit("::").next()?;
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (plain && name.matches('_').count() >= 3).then_some(name)
}

#[test]
fn the_tests_that_the_internals_name_exist() {
    let sources = sources();
    let mut offenders = Vec::new();
    let pages = chapters()
        .into_iter()
        .filter(|page| page.path.starts_with("internals/"));
    for chapter in pages {
        for word in chapter.codes() {
            if let Some(name) = test_name(&word)
                && !sources.contains(&format!("fn {name}("))
            {
                offenders.push(format!("{}: `{word}`", chapter.path));
            }
        }
    }
    none("tests that do not exist", &offenders);
}

/// J24, more than one machine, is for later.
#[test]
fn every_promise_has_a_section_and_a_test() {
    let page = Chapter::read("internals/promises.md");
    let mut offenders = Vec::new();
    for number in 1..=23 {
        let head = format!("## J{number}: ");
        let Some(section) = page.text.split(&head).nth(1) else {
            offenders.push(format!("J{number} has no section"));
            continue;
        };
        let section = section.split("\n## ").next().unwrap_or_default();
        let mut words = section.split('`').skip(1).step_by(2);
        if !words.any(|word| test_name(word).is_some()) {
            offenders.push(format!("J{number} names no test"));
        }
    }
    none("promises", &offenders);
}
