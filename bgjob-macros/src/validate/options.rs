//! The rules of the attribute's options, one function each.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::model::{Flavor, TaskSupport, Timeout};
use crate::problem::{Problem, Problems};
use crate::syntax::function::RawFunction;
use crate::syntax::options::{self, RawOptions, RawPatch, Slot, Value};
use crate::validate::values::{self, DurationError};

/// `title = "…"`.
pub fn title(raw: &RawOptions, problems: &Problems) -> Option<LitStr> {
    let title = values::text(raw.title.as_ref()?, "a text in quotes", problems)?;
    if title.value().trim().is_empty() {
        problems.report(&title, Problem::EmptyTitle);
    }
    Some(title)
}

/// `timeout`, `timeout = "30m"` or `timeout = "none"`.
pub fn timeout(raw: &RawOptions, problems: &Problems) -> Option<Timeout> {
    let slot = raw.timeout.as_ref()?;
    match &slot.value {
        Value::Bare => Some(Timeout::Default),
        Value::Given(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) => limit(text, problems),
        Value::Given(Expr::Lit(ExprLit {
            lit: Lit::Int(bare),
            ..
        })) if bare.suffix().is_empty() => {
            let given = bare.base10_digits().to_owned();
            let name = "timeout".to_owned();
            problems.report(bare, Problem::DurationWithoutUnit { name, given });
            None
        }
        Value::Given(_) | Value::List(_) | Value::Unreadable => {
            let problem = values::wrong(slot, "a duration in quotes");
            problems.report(slot, values::with_example(problem, quoted(slot)));
            None
        }
    }
}

/// What was written without quotes, such as `30m` or `none`, with them.
fn quoted(slot: &Slot) -> String {
    let given = slot.to_token_stream().to_string();
    if given == "none" || values::duration(&given).is_ok() {
        format!("timeout = \"{given}\"")
    } else {
        slot.example.to_owned()
    }
}

fn limit(text: &LitStr, problems: &Problems) -> Option<Timeout> {
    let given = text.value();
    if given == "none" {
        return Some(Timeout::Never);
    }
    let problem = match values::duration(&given) {
        Ok(limit) if limit.is_zero() => Problem::ZeroTimeout,
        Ok(limit) => return Some(Timeout::After(limit)),
        Err(DurationError::NoUnit) => {
            let name = "timeout".to_owned();
            Problem::DurationWithoutUnit { name, given }
        }
        Err(DurationError::TooLong) => Problem::LongTimeout { given },
        Err(DurationError::Malformed) => {
            let other = ", or `\"none\"`".to_owned();
            Problem::BadDuration { given, other }
        }
    };
    problems.report(text, problem);
    None
}

/// `state_patch = "field"` or `state_patch(field = "…", pointer = "/a/b")`.
pub fn state_patch(raw: &RawOptions, problems: &Problems) -> Option<(String, String)> {
    let slot = raw.state_patch.as_ref()?;
    let Some(list) = listed(&slot.value) else {
        let text = values::text(slot, "a field, or `(field = …, pointer = …)`", problems)?;
        return Some((field(&text, problems), String::new()));
    };
    let patch: RawPatch = options::parse(list, problems);
    let pointer = patch.pointer.as_ref().map(|slot| pointer(slot, problems));
    let Some(named) = &patch.field else {
        problems.report(&slot.key, Problem::PatchWithoutField);
        return None;
    };
    let name = values::text(named, "a text in quotes", problems)?;
    Some((
        field(&name, problems),
        pointer.flatten().unwrap_or_default(),
    ))
}

/// What is inside the brackets of `key(…)` or `key = (…)`.
pub fn listed(value: &Value) -> Option<TokenStream> {
    match value {
        Value::List(list) => Some(list.clone()),
        Value::Given(Expr::Tuple(tuple)) => Some(tuple.elems.to_token_stream()),
        Value::Given(Expr::Paren(paren)) => Some(paren.expr.to_token_stream()),
        Value::Given(_) | Value::Bare | Value::Unreadable => None,
    }
}

/// The name of a state field, checked.
pub fn field(text: &LitStr, problems: &Problems) -> String {
    let name = text.value();
    if !values::is_field(&name) {
        let plain = values::plain(&name, values::LONGEST_FIELD);
        let suggestion = format!("\"{plain}\"");
        let name = name.clone();
        problems.report(text, Problem::BadStateField { name, suggestion });
    }
    name
}

fn pointer(slot: &Slot, problems: &Problems) -> Option<String> {
    let text = values::text(slot, "a JSON pointer", problems)?;
    let given = text.value();
    if values::is_pointer(&given) {
        return Some(given);
    }
    let suggestion = values::pointer_for(&given);
    problems.report(text, Problem::BadPointer { given, suggestion });
    None
}

/// `max_concurrent = 2`.
pub fn max_concurrent(raw: &RawOptions, problems: &Problems) -> Option<u32> {
    let slot = raw.max_concurrent.as_ref()?;
    let expected = "a whole number from 1 to 4294967295";
    let limit = values::integer(slot, expected, problems)?;
    if limit == 0 {
        problems.report(slot, values::wrong(slot, expected));
    }
    Some(limit)
}

/// `priority = 5`.
pub fn priority(raw: &RawOptions, problems: &Problems) -> Option<i32> {
    let expected = "a whole number from -2147483648 to 2147483647";
    values::integer(raw.priority.as_ref()?, expected, problems)
}

/// `pass_env = ["A", "B_*"]`.
pub fn pass_env(raw: &RawOptions, problems: &Problems) -> Option<Vec<LitStr>> {
    let slot = raw.pass_env.as_ref()?;
    let Value::Given(Expr::Array(array)) = &slot.value else {
        problems.report(slot, values::not_a_list(slot));
        return None;
    };
    let name = |expr: &Expr| variable(expr, slot, problems);
    Some(array.elems.iter().filter_map(name).collect())
}

fn variable(expr: &Expr, slot: &Slot, problems: &Problems) -> Option<LitStr> {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = options::ungrouped(expr)
    else {
        problems.report(expr, values::wrong(slot, "a list of texts"));
        return None;
    };
    let name = text.value();
    if !values::is_variable(&name) {
        problems.report(text, Problem::BadVariable { name });
    }
    Some(text.clone())
}

/// `task = "required"`.
pub fn task(raw: &RawOptions, problems: &Problems) -> Option<TaskSupport> {
    let text = values::text(raw.task.as_ref()?, "a text in quotes", problems)?;
    match text.value().as_str() {
        "optional" => Some(TaskSupport::Optional),
        "required" => Some(TaskSupport::Required),
        other => {
            let given = other.to_owned();
            problems.report(&text, Problem::UnknownTaskSupport { given });
            None
        }
    }
}

/// `flavor = "multi_thread"`.
pub fn flavor(raw: &RawOptions, function: &RawFunction, problems: &Problems) -> Option<Flavor> {
    let slot = raw.flavor.as_ref()?;
    if function.signature.asyncness.is_none() {
        let name = function.signature.ident.to_string();
        problems.report(&slot.key, Problem::FlavorOfSync { name });
    }
    let text = values::text(slot, "a text in quotes", problems)?;
    match text.value().as_str() {
        "current_thread" => Some(Flavor::CurrentThread),
        "multi_thread" => Some(Flavor::MultiThread),
        other => {
            let name = other.to_owned();
            problems.report(&text, Problem::UnknownFlavor { name });
            None
        }
    }
}
