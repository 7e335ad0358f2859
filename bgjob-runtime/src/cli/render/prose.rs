//! Doc comments as text: their line ends are the author's, not the reader's.

/// The first paragraph of a documentation, on one line.
pub fn summary(doc: &str) -> String {
    let first = doc.trim().split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A documentation with each paragraph and each item of a list on one line. Code, tables and
/// headings stay as they are.
pub fn unfold(doc: &str) -> String {
    let lines: Vec<String> = lines_of(doc).into_iter().map(|line| line.text).collect();
    lines.join("\n")
}

/// [`unfold`] in lines of at most `width` characters.
pub fn fit(doc: &str, width: usize) -> String {
    let lines = lines_of(doc).into_iter().flat_map(|line| match line.fixed {
        true => vec![line.text],
        false => wrap(&line.text, width),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A line that may be wrapped, or is fixed.
struct Line {
    text: String,
    fixed: bool,
}

fn lines_of(doc: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut in_code = false;
    for line in doc.trim().lines() {
        let fence = line.trim_start().starts_with("```");
        let fixed = in_code || fence || stands_alone(line);
        match lines.last_mut() {
            Some(last) if !last.fixed && !fixed && !begins_item(line) => {
                last.text.push(' ');
                last.text.push_str(line.trim());
            }
            _ => lines.push(Line {
                text: line.trim_end().to_owned(),
                fixed,
            }),
        }
        in_code ^= fence;
    }
    lines
}

/// `text` in lines of at most `room` characters, as far as its words allow.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Blank lines, headings, rows of tables, and code that is indented.
fn stands_alone(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || line.starts_with("    ") || text.starts_with(['#', '|', '>'])
}

/// `- one`, `* two`, `3. three`.
fn begins_item(line: &str) -> bool {
    let text = line.trim_start();
    let numbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|mark| text.starts_with(mark))
        || (numbered.len() < text.len() && numbered.starts_with(". "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_becomes_one_line() {
        let doc = "Simulates a tank\nfor some days.\n\nIt needs\na basis.\n";
        assert_eq!(
            unfold(doc),
            "Simulates a tank for some days.\n\nIt needs a basis."
        );
        assert_eq!(summary(doc), "Simulates a tank for some days.");
        assert_eq!((unfold(""), summary("")), (String::new(), String::new()));
    }

    #[test]
    fn lists_tables_and_code_keep_their_lines() {
        let doc = "Kinds:\n- one\n  and more\n- two\n\n# Use\n| a | b |\n| 1 | 2 |\n\n```\nx\ny\n```\nend\nof it";
        assert_eq!(
            unfold(doc),
            "Kinds:\n- one and more\n- two\n\n# Use\n| a | b |\n| 1 | 2 |\n\n```\nx\ny\n```\nend of it"
        );
        assert_eq!(unfold("1. a\n2. b"), "1. a\n2. b");
    }

    #[test]
    fn lines_fit_the_width() {
        assert_eq!(fit("one two\nthree four", 13), "one two three\nfour");
    }
}
