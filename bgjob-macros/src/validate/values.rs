//! Values of options: readers that report, and the rules of names, durations and pointers.

use std::str::FromStr;
use std::time::Duration;

use syn::{Expr, ExprLit, Lit, LitStr, Path};

use crate::problem::{Problem, Problems};
use crate::syntax::options::{Slot, Value};
use crate::syntax::shown::shown;
use crate::validate::numbers;

/// A state field is also a file name and a key in replies.
pub const LONGEST_FIELD: usize = 64;

/// Keeps deadlines in milliseconds far from overflow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The value of a wrong kind.
pub fn wrong(slot: &Slot, expected: &str) -> Problem {
    Problem::WrongValue {
        name: slot.key.to_string(),
        expected: expected.to_owned(),
        example: slot.example.to_owned(),
    }
}

/// The same with an example that fits better than the usual one.
pub fn with_example(problem: Problem, better: String) -> Problem {
    match problem {
        Problem::WrongValue { name, expected, .. } => Problem::WrongValue {
            name,
            expected,
            example: better,
        },
        other => other,
    }
}

/// The problem of an option that has no value, or one of a wrong kind.
pub fn wrong_or_missing(slot: &Slot, expected: &str) -> Problem {
    match slot.value {
        Value::Given(_) | Value::List(_) => wrong(slot, expected),
        Value::Bare | Value::Unreadable => Problem::MissingValue {
            name: slot.key.to_string(),
            example: slot.example.to_owned(),
        },
    }
}

/// A text literal.
pub fn text(slot: &Slot, expected: &str, problems: &Problems) -> Option<LitStr> {
    if let Value::Given(Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    })) = &slot.value
    {
        return Some(text.clone());
    }
    let problem = wrong_or_missing(slot, expected);
    let problem = match &slot.value {
        Value::Given(Expr::Path(word)) if is_plain(&shown(word)) => {
            let quoted = format!("{} = \"{}\"", slot.key, shown(word));
            with_example(problem, quoted)
        }
        _ => problem,
    };
    problems.report(slot, problem);
    None
}

/// The problem of an option that takes a list of texts and has something else, such as one text.
pub fn not_a_list(slot: &Slot) -> Problem {
    let problem = wrong_or_missing(slot, "a list of texts");
    match &slot.value {
        Value::Given(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) => {
            let listed = format!("{} = [{}]", slot.key, text.token());
            with_example(problem, listed)
        }
        _ => problem,
    }
}

/// A whole number that fits `N`.
pub fn integer<N: FromStr>(slot: &Slot, expected: &str, problems: &Problems) -> Option<N> {
    let number = match &slot.value {
        Value::Given(expr) => numbers::digits(expr).and_then(|digits| digits.parse().ok()),
        Value::Bare | Value::List(_) | Value::Unreadable => None,
    };
    if number.is_none() {
        problems.report(slot, wrong_or_missing(slot, expected));
    }
    number
}

/// A path such as `::bgjob_runtime`.
pub fn path(slot: &Slot, problems: &Problems) -> Option<Path> {
    if let Value::Given(Expr::Path(path)) = &slot.value {
        return Some(path.path.clone());
    }
    problems.report(slot, wrong_or_missing(slot, "a path without quotes"));
    None
}

/// An option that is there or not.
pub fn flag(slot: Option<&Slot>, problems: &Problems) -> bool {
    if let Some(slot) = slot
        && !matches!(slot.value, Value::Bare)
    {
        let name = slot.key.to_string();
        problems.report(slot, Problem::UnexpectedValue { name });
    }
    slot.is_some()
}

/// Whether the text is one or more of a-z, 0-9 and `_`.
pub fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    !text.is_empty() && text.bytes().all(plain)
}

/// The nearest text for which [`is_plain`] holds: `simulateAll` becomes `simulate_all`.
pub fn plain(text: &str, longest: usize) -> String {
    let mut plain = String::new();
    let mut previous = '_';
    for character in text.chars() {
        if character.is_ascii_uppercase() && previous.is_ascii_lowercase() {
            plain.push('_');
        }
        let lower = character.to_ascii_lowercase();
        let fits = lower.is_ascii_lowercase() || lower.is_ascii_digit();
        plain.push(if fits { lower } else { '_' });
        previous = character;
    }
    plain.truncate(longest);
    let trimmed = plain.trim_matches('_');
    if trimmed.is_empty() {
        "name".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// Whether the text can name a state field.
pub fn is_field(text: &str) -> bool {
    is_plain(text) && text.len() <= LONGEST_FIELD
}

/// Whether the text can name an argument: a JSON key that all clients take, and a flag of the command line.
pub fn is_argument(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.len() <= 64 && text.bytes().next().is_some_and(first) && text.bytes().all(inner)
}

/// Whether the text can name an environment variable, or many by a `*` at its end.
pub fn is_variable(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(inner) && !name.as_bytes()[0].is_ascii_digit()
}

/// RFC 6901: empty, or steps that begin with `/`, with `~` only in `~0` and `~1`.
pub fn is_pointer(text: &str) -> bool {
    let escaped = |rest: &str| rest.starts_with(['0', '1']);
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(escaped)
}

/// What may have been meant by a text that is not a pointer.
pub fn pointer_for(text: &str) -> String {
    let text = text.trim_start_matches(['$', '#', '.']);
    let steps = if text.contains('/') {
        text.to_owned()
    } else {
        text.replace('.', "/")
    };
    let mut pointer = String::from("/");
    let mut rest = steps.strip_prefix('/').unwrap_or(&steps);
    while let Some((before, after)) = rest.split_once('~') {
        pointer.push_str(before);
        pointer.push_str(if after.starts_with(['0', '1']) {
            "~"
        } else {
            "~0"
        });
        rest = after;
    }
    pointer + rest
}

/// Why a text is not a duration.
#[derive(Debug, PartialEq, Eq)]
pub enum DurationError {
    /// A number alone.
    NoUnit,
    /// More than 100 years.
    TooLong,
    /// Something else.
    Malformed,
}

/// A duration as in `30m`, `1h30m`, `1h 30m`: whole numbers with units, largest first.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut allowed = UNITS.as_slice();
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::NoUnit);
    }
    loop {
        let (digits, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after, |byte| byte.is_ascii_alphabetic());
        let place = allowed.iter().position(|(known, _)| *known == unit);
        let place = place.ok_or(DurationError::Malformed)?;
        let milliseconds = allowed[place].1;
        allowed = &allowed[place + 1..];
        total += count(digits)?
            .checked_mul(milliseconds)
            .map(Duration::from_millis)
            .filter(|part| *part <= LONGEST_TIMEOUT)
            .ok_or(DurationError::TooLong)?;
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
    }
    if total > LONGEST_TIMEOUT {
        return Err(DurationError::TooLong);
    }
    Ok(total)
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !belongs(byte));
    text.split_at(end.unwrap_or(text.len()))
}

fn count(digits: &str) -> Result<u64, DurationError> {
    if digits.is_empty() {
        return Err(DurationError::Malformed);
    }
    digits.parse().map_err(|_| DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_units_largest_first() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(ms("30m"), Ok(1_800_000));
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("1d 2h 3m 4s 5ms"), Ok(93_784_005));
        assert_eq!(ms("30"), Err(DurationError::NoUnit));
        for malformed in ["", "m", "1.5h", "30m1h", "1h1h", "5 min", "-1s", "1h30"] {
            assert_eq!(ms(malformed), Err(DurationError::Malformed), "{malformed}");
        }
        for long in ["36501d", "36500d1ms", "99999999999999999999s"] {
            assert_eq!(ms(long), Err(DurationError::TooLong), "{long}");
        }
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        for good in ["", "/", "/a/b", "/a~0b/~1", "//"] {
            assert!(is_pointer(good), "{good}");
        }
        for (bad, meant) in [("a/b", "/a/b"), ("/a~b", "/a~0b"), ("$.a.b", "/a/b")] {
            assert!(!is_pointer(bad), "{bad}");
            assert_eq!(pointer_for(bad), meant);
        }
    }

    #[test]
    fn every_suggested_name_is_a_name() {
        for (odd, meant) in [
            ("simulateAll", "simulate_all"),
            ("a b", "a_b"),
            ("é", "name"),
        ] {
            assert_eq!(plain(odd, 41), meant);
            assert!(is_plain(meant));
        }
        assert_eq!(plain(&"A".repeat(99), 41).len(), 41);
    }

    #[test]
    fn variables_may_end_in_a_star() {
        assert!(is_variable("AWS_*") && is_variable("_x1"));
        for bad in ["", "*", "1A", "A*B", "A-B", "A=1"] {
            assert!(!is_variable(bad), "{bad}");
        }
    }

    #[test]
    fn argument_names_fit_json_clients_and_flags() {
        assert!(is_argument("max-days") && is_argument("_x"));
        for bad in ["", "-x", "1x", "größe", "a b"] {
            assert!(!is_argument(bad), "{bad}");
        }
        assert!(!is_argument(&"x".repeat(65)));
    }
}
