//! What differs from run to run: ids, times, sizes, the width of columns.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What is replaced by what, in this order.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
        (r"\b(\d+:)?\d+:\d\d\b", "<time>"),
        (r#"("[a-z_]+_(s|ms|us)":\s*)[0-9.]+"#, "${1}0"),
        (r#"("[a-z_]*(bytes|rss|pid)[a-z_]*":\s*)[0-9.]+"#, "${1}0"),
        (
            r"(<|\b)\d+(\.\d+)?( ?(ms|s|m|h|d|min)\b)( \d+(ms|s|m|h)\b)*",
            "<span>",
        ),
        (r"\b\d+(\.\d+)? ?([KMGT]i?B|B)\b", "<size>"),
        (r"[─━═╌┄-]{2,}", "--"),
        (r"[ \t]{2,}", " "),
    ];
    let compiled = rules.map(|(pattern, with)| (Regex::new(pattern).unwrap(), with));
    compiled.into()
});

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([a-z0-9_]{1,41})-([0-9a-hjkmnp-tv-z]{20})\b").unwrap());

/// Numbers ids in the order in which they come, over all texts of one chapter.
#[derive(Default)]
pub struct Ids(Vec<String>);

impl Ids {
    fn number(&mut self, id: &str) -> usize {
        let known = self.0.iter().position(|known| known == id);
        known.unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        })
    }

    /// `text` with the ids of another run for the ids of this one.
    pub fn translate(&self, text: &str, other: &Ids) -> String {
        let translated = ID.replace_all(text, |found: &Captures<'_>| {
            let known = self.0.iter().position(|known| *known == found[0]);
            let id = known.and_then(|number| other.0.get(number));
            id.map_or_else(|| found[0].to_owned(), Clone::clone)
        });
        translated.into_owned()
    }

    /// `text` without what differs from run to run.
    pub fn normal(&mut self, text: &str) -> String {
        let text = ID.replace_all(text, |found: &Captures<'_>| {
            format!("{}-<{}>", &found[1], self.number(&found[0]))
        });
        let mut text = text.into_owned();
        for (pattern, with) in RULES.iter() {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        let lines = text.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

/// Whether `said` is what `shown` shows; a `…` in it stands for anything, line ends included.
pub fn fits(shown: &str, said: &str) -> bool {
    let pattern = shown
        .split('…')
        .map(regex::escape)
        .collect::<Vec<_>>()
        .join(".*");
    Regex::new(&format!("(?s)^{pattern}$"))
        .unwrap()
        .is_match(said)
}

#[test]
fn only_what_differs_from_run_to_run_is_left_out() {
    let mut ids = Ids::default();
    let id = "count-tssq7kcvrhmmsh17vvhn";
    assert_eq!(
        ids.normal(&format!("job {id}  took 1.2s ")),
        "job count-<0> took <span>"
    );
    assert_eq!(
        ids.normal(r#"{"elapsed_s": 2.5,"n": 3}"#),
        r#"{"elapsed_s": 0,"n": 3}"#
    );
    assert_eq!(
        ids.normal("count-00000000000000000000 at 2026-11-25T20:00:00Z"),
        "count-<1> at <time>"
    );
    assert_eq!(ids.normal(id), "count-<0>");
    assert!(fits("a…z", "a\nb z") && !fits("a", "ab") && fits("(…)", "(x)"));
}
