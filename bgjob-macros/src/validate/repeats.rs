//! The rules of `retries`, `dedupe` and `inline`: what is done again, what is not, and what is waited for.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::model::{Dedupe, Retries, RetryOn};
use crate::problem::{Problem, Problems};
use crate::syntax::options::{self, RawOptions, RawRetries, Slot, Value};
use crate::validate::options::listed;
use crate::validate::values::{self, DurationError};

/// Pauses that the runtime takes unless told otherwise (`bgjob_runtime::job::retry`).
const BACKOFF: Duration = Duration::from_secs(5);
const MAX_BACKOFF: Duration = Duration::from_secs(5 * 60);

/// No call is held back for longer (`bgjob_runtime::mcp::hints`).
const LONGEST_INLINE: Duration = Duration::from_secs(50);

/// `retries = 3` or `retries(max = 3, on = […], backoff = "5s", max_backoff = "5m")`.
pub fn retries(raw: &RawOptions, problems: &Problems) -> Option<Retries> {
    let slot = raw.retries.as_ref()?;
    match listed(&slot.value) {
        Some(list) => from_list(slot, list, problems),
        None => Some(Retries {
            max: max(slot, problems)?,
            on: None,
            backoff: None,
            max_backoff: None,
        }),
    }
}

fn from_list(slot: &Slot, list: TokenStream, problems: &Problems) -> Option<Retries> {
    let raw: RawRetries = options::parse(list, problems);
    let on = raw.on.as_ref().map(|slot| causes(slot, problems));
    let backoff = raw.backoff.as_ref().map(|slot| pause(slot, problems));
    let max_backoff = raw.max_backoff.as_ref().map(|slot| pause(slot, problems));
    let (backoff, max_backoff) = (backoff.flatten(), max_backoff.flatten());
    if backoff.unwrap_or(BACKOFF) > max_backoff.unwrap_or(MAX_BACKOFF) {
        let at = raw.max_backoff.as_ref().or(raw.backoff.as_ref());
        problems.report(at.unwrap_or(slot), Problem::ShortMaxBackoff);
    }
    let Some(count) = &raw.max else {
        problems.report(&slot.key, Problem::RetriesWithoutMax);
        return None;
    };
    Some(Retries {
        max: max(count, problems)?,
        on,
        backoff,
        max_backoff,
    })
}

fn max(slot: &Slot, problems: &Problems) -> Option<u32> {
    let expected = "a whole number from 1 to 1000";
    let max: u32 = values::integer(slot, expected, problems)?;
    if !(1..=1000).contains(&max) {
        problems.report(slot, values::wrong(slot, expected));
    }
    Some(max)
}

fn causes(slot: &Slot, problems: &Problems) -> Vec<RetryOn> {
    let Value::Given(Expr::Array(array)) = &slot.value else {
        problems.report(slot, values::not_a_list(slot));
        return Vec::new();
    };
    if array.elems.is_empty() {
        problems.report(slot, Problem::NothingToRetry);
    }
    let mut causes = Vec::new();
    for cause in array
        .elems
        .iter()
        .filter_map(|expr| cause(expr, slot, problems))
    {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes
}

fn cause(expr: &Expr, slot: &Slot, problems: &Problems) -> Option<RetryOn> {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = options::ungrouped(expr)
    else {
        problems.report(expr, values::wrong(slot, "a list of texts"));
        return None;
    };
    match text.value().as_str() {
        "lost" => Some(RetryOn::Lost),
        "crashed" => Some(RetryOn::Crashed),
        "timed_out" => Some(RetryOn::TimedOut),
        "retryable" => Some(RetryOn::Retryable),
        other => {
            let name = other.to_owned();
            problems.report(text, Problem::UnknownRetryCause { name });
            None
        }
    }
}

fn pause(slot: &Slot, problems: &Problems) -> Option<Duration> {
    let text = values::text(slot, "a duration in quotes", problems)?;
    let bad = |given| Problem::BadDuration {
        given,
        other: String::new(),
    };
    time(slot, &text, bad, problems)
}

/// `dedupe = "in_flight"` or `dedupe = "10m"`.
pub fn dedupe(raw: &RawOptions, problems: &Problems) -> Option<Dedupe> {
    let slot = raw.dedupe.as_ref()?;
    let text = values::text(slot, "`\"in_flight\"` or a duration in quotes", problems)?;
    if text.value() == "in_flight" {
        return Some(Dedupe::InFlight);
    }
    let window = time(slot, &text, |given| Problem::BadDedupe { given }, problems)?;
    if window.is_zero() {
        problems.report(&text, Problem::ZeroDedupe);
    }
    Some(Dedupe::Within(window))
}

/// `inline = "2s"`.
pub fn inline(raw: &RawOptions, problems: &Problems) -> Option<Duration> {
    let slot = raw.inline.as_ref()?;
    let text = values::text(slot, "a duration in quotes", problems)?;
    let bad = |given| Problem::BadDuration {
        given,
        other: String::new(),
    };
    let wait = time(slot, &text, bad, problems)?;
    if wait.is_zero() {
        problems.report(&text, Problem::ZeroInline);
    }
    if wait > LONGEST_INLINE {
        let given = text.value();
        problems.report(&text, Problem::LongInline { given });
    }
    Some(wait)
}

fn time(
    slot: &Slot,
    text: &LitStr,
    malformed: impl FnOnce(String) -> Problem,
    problems: &Problems,
) -> Option<Duration> {
    let (name, given) = (slot.key.to_string(), text.value());
    let problem = match values::duration(&given) {
        Ok(time) => return Some(time),
        Err(DurationError::NoUnit) => Problem::DurationWithoutUnit { name, given },
        Err(DurationError::TooLong) => Problem::LongTime { name, given },
        Err(DurationError::Malformed) => malformed(given),
    };
    problems.report(text, problem);
    None
}
