//! Progress as programs print it: `Progress: 45%`, `Day 10/20`, `45.5% (3 of 10)`.
//!
//! Strict on purpose: a scientific program prints many numbers, and `methane share: 62%` is no progress.

/// What a line says of the work.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// How much is done.
    pub done: f64,
    /// Of how much.
    pub total: f64,
    /// The rest of the line.
    pub message: String,
}

/// Longer messages are cut.
const LONGEST_MESSAGE: usize = 120;

/// Words that make the percentage beside them a statement of progress.
const WORDS: [&str; 5] = ["progress", "complete", "completed", "done", "finished"];

/// Reads one line; `None` where it says nothing of progress.
pub fn parse(line: &str) -> Option<Spoken> {
    let line = line.trim();
    percentage(line).or_else(|| {
        let after_prefixes = line
            .match_indices([':', ']'])
            .map(|(at, _)| &line[at + 1..]);
        std::iter::once(line).chain(after_prefixes).find_map(count)
    })
}

/// A percentage that a word, a bar or a count beside it makes a statement of progress.
fn percentage(line: &str) -> Option<Spoken> {
    line.match_indices('%').find_map(|(at, _)| {
        let (before, number) = number_at_end(line[..at].trim_end())?;
        let after = &line[at + 1..];
        let (label, rest) = (before.trim_end_matches(is_mark), after.trim_start());
        if number > 100.0 || !(says_progress(label) || stands_alone(label, rest)) {
            return None;
        }
        Some(Spoken {
            done: number,
            total: 100.0,
            message: message(label, rest),
        })
    })
}

/// Whether the text before a percentage ends in one of the words.
fn says_progress(label: &str) -> bool {
    let last = label.rsplit(|c: char| !c.is_alphabetic()).next();
    last.is_some_and(is_word)
}

/// Whether a percentage at the beginning of a line is all of it, or goes on as progress does:
/// `45%|###  |`, `[ 45%] Building`, `45.5% (3 of 10)`, `45% complete`.
fn stands_alone(label: &str, rest: &str) -> bool {
    if label.is_empty() && (rest.is_empty() || rest.starts_with(['|', ']'])) {
        return true;
    }
    let next: &str = rest
        .split(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or("");
    let counted = rest.strip_prefix('(').or_else(|| rest.strip_prefix('['));
    is_word(next) || (label.is_empty() && counted.is_some_and(|inside| count(inside).is_some()))
}

fn is_word(word: &str) -> bool {
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// `Day 10/20`, `Epoch 3 of 10`, `[3/10] linking`: a word and two numbers, or two numbers in brackets
/// or by themselves.
fn count(text: &str) -> Option<Spoken> {
    let text = text.trim_start();
    let inside = text.trim_start_matches(['[', '(']);
    let after_word = inside.trim_start_matches(char::is_alphabetic);
    let labelled = after_word.len() < inside.len();
    let numbers = after_word.trim_start_matches([' ', ':', '#', '=']);
    let (done, rest) = number_at_start(numbers)?;
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix('/')
        .or_else(|| rest.strip_prefix("of "))?;
    let (total, rest) = number_at_start(rest.trim_start())?;
    let bracketed = inside.len() < text.len() && rest.starts_with([']', ')']);
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '%' | '-'));
    let whole = rest.trim_end_matches([']', ')']).is_empty();
    if !ends || !(labelled || bracketed || whole) || total <= 0.0 || done > total {
        return None;
    }
    Some(Spoken {
        done,
        total,
        message: clipped(text.trim()),
    })
}

/// Splits a plain decimal number off the end. Something that belongs to it, such as the sign or the
/// comma of `-5` and `45,5`, makes it another number than the one that would be read.
fn number_at_end(text: &str) -> Option<(&str, f64)> {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let glued = |c: char| c.is_alphanumeric() || matches!(c, ',' | '-' | '+' | '/' | '_' | '\'');
    if before.ends_with(glued) {
        return None;
    }
    Some((before, number(&text[before.len()..])?))
}

/// Splits a plain decimal number off the beginning.
fn number_at_start(text: &str) -> Option<(f64, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if rest.starts_with([',', '_', '\'']) && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let text = text[..text.len() - rest.len()].trim_end_matches('.');
    Some((number(text)?, rest))
}

fn number(text: &str) -> Option<f64> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit()) && text.len() <= 15;
    text.parse().ok().filter(|_| digits)
}

fn is_mark(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | '=' | '[' | '(' | '|' | '-' | '>')
}

/// What is worth saying beside the number: the line without it, without `Progress:` and without marks.
fn message(label: &str, rest: &str) -> String {
    let trimmed = |c: char| !c.is_alphanumeric();
    let before = label.trim_end_matches(char::is_alphabetic);
    let label = if is_word(&label[before.len()..]) {
        before.trim_end_matches(is_mark)
    } else {
        label
    };
    let rest = rest
        .trim_start_matches(trimmed)
        .trim_end_matches([')', ']', ' ']);
    let rest = if is_word(rest) { "" } else { rest };
    clipped(format!("{label} {rest}").trim())
}

fn clipped(text: &str) -> String {
    crate::tool::check::words::clip(text, LONGEST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<(f64, f64, String)> {
        parse(line).map(|spoken| (spoken.done, spoken.total, spoken.message))
    }

    fn said(done: f64, total: f64, message: &str) -> Option<(f64, f64, String)> {
        Some((done, total, message.to_owned()))
    }

    #[test]
    fn the_printed_forms() {
        assert_eq!(read("Progress: 45%"), said(45.0, 100.0, ""));
        assert_eq!(read("progress=7.5 % meshing"), said(7.5, 100.0, "meshing"));
        assert_eq!(
            read("INFO:root:Progress: 45%"),
            said(45.0, 100.0, "INFO:root")
        );
        assert_eq!(
            read("Simulation 45% complete"),
            said(45.0, 100.0, "Simulation")
        );
        assert_eq!(read("45.5% (3 of 10)"), said(45.5, 100.0, "3 of 10"));
        assert_eq!(read("  100%"), said(100.0, 100.0, ""));
        assert_eq!(read("[ 45%] Building"), said(45.0, 100.0, "Building"));
        assert_eq!(
            read(" 45%|####5     | 45/100 [00:10<00:12,  4.5it/s]"),
            said(45.0, 100.0, "5     | 45/100 [00:10<00:12,  4.5it/s")
        );
        assert_eq!(read("Day 10/20"), said(10.0, 20.0, "Day 10/20"));
        assert_eq!(
            read("Epoch 3 of 10 - loss 0.5"),
            said(3.0, 10.0, "Epoch 3 of 10 - loss 0.5")
        );
        assert_eq!(read("[3/10] linking"), said(3.0, 10.0, "[3/10] linking"));
        assert_eq!(read("Day: 0.5 / 20."), said(0.5, 20.0, "Day: 0.5 / 20."));
        assert_eq!(
            read("2026-11-25 12:00:01 INFO: Day 10/20"),
            said(10.0, 20.0, "Day 10/20")
        );
    }

    #[test]
    fn other_numbers_are_not_progress() {
        for line in [
            "",
            "%",
            "methane share: 62%",
            "62% methane",
            "pH fell by 5%",
            "5% (relative error)",
            "Progress: 145%",
            "Progress: -5%",
            "Progress: 45,5%",
            "Progress: 1.2.3%",
            "Progress: nan%",
            "Day 30/20",
            "Day 1/0",
            "Day 1,000/2,000",
            "12/24/2025 started",
            "wrote /tmp/10/20",
            "a mean of 3 of 4 and more",
            "ratio of 3/4 found",
            "v1/2b",
            "Progress: 0000000000000000000000001%",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_percentage_is_read_whatever_numbers_follow(
            tenths in 0u32..=1000, a in 0u32..10_000, b in 0u32..10_000,
        ) {
            let share = f64::from(tenths) / 10.0;
            for line in [format!("{share}% ({a} of {})", a + b + 1), format!("Progress: {share}% {a}/{b}")] {
                prop_assert_eq!(parse(&line).map(|spoken| (spoken.done, spoken.total)), Some((share, 100.0)), "{}", line);
            }
        }

        #[test]
        fn a_count_is_read_as_written(word in "[A-Z][a-z]{1,12}", done in 0u32..5000, more in 0u32..5000) {
            let total = done + more + 1;
            let spoken = parse(&format!("{word} {done}/{total}")).unwrap();
            prop_assert_eq!((spoken.done, spoken.total), (f64::from(done), f64::from(total)));
        }

        #[test]
        fn whatever_is_printed_a_share_lies_between_nothing_and_all(line in "\\PC{0,60}") {
            if let Some(spoken) = parse(&line) {
                prop_assert!(spoken.total > 0.0 && (0.0..=spoken.total).contains(&spoken.done), "{line}: {spoken:?}");
            }
        }

        #[test]
        fn a_line_of_digits_and_signs_is_safe(line in "[0-9.%/()\\[\\]: ofprgsPday-]{0,40}") {
            if let Some(spoken) = parse(&line) {
                prop_assert!((0.0..=spoken.total).contains(&spoken.done), "{line}: {spoken:?}");
            }
        }
    }
}
