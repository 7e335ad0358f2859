//! The rules of parameters: what each is, what its attributes may say, and that they do not clash.

use std::collections::HashSet;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, Lit, LitStr, Pat, Type};

use crate::model::{Argument, Parameter, Source};
use crate::problem::{Problem, Problems};
use crate::syntax::function::{RawFunction, RawParameter};
use crate::syntax::options::{RawArg, Slot, Value, nearest};
use crate::syntax::shown::shown;
use crate::validate::function::{is_borrowed, mentions, mentions_impl, named, types};
use crate::validate::{numbers, options, values};

/// All parameters that are in order; problems for the others.
pub fn parameters(function: &RawFunction, problems: &Problems) -> Vec<Parameter> {
    let raw = function.parameters.iter();
    let read: Vec<(&RawParameter, Parameter)> = raw
        .filter_map(|raw| Some((raw, parameter(raw, problems)?)))
        .collect();
    clashes(&read, problems);
    flattened_alone(&read, problems);
    read.into_iter().map(|(_, parameter)| parameter).collect()
}

fn parameter(raw: &RawParameter, problems: &Problems) -> Option<Parameter> {
    let ident = ident(&raw.pattern, problems);
    // A parameter without a name still has a type and attributes to be checked.
    let name = ident.map_or_else(|| "name".to_owned(), |ident| ident.unraw().to_string());
    misspelt_attributes(raw, problems);
    let source = source(raw, &name, problems);
    Some(Parameter {
        ident: ident?.clone(),
        cfg: raw.cfg.clone(),
        source: source?,
    })
}

/// The compiler knows nothing of our inert attributes, and would say of `#[args]` only that there is none.
fn misspelt_attributes(raw: &RawParameter, problems: &Problems) {
    const KNOWN: [&str; 9] = [
        "arg", "state", "allow", "expect", "warn", "deny", "forbid", "cfg", "cfg_attr",
    ];
    for attribute in &raw.others {
        let Some(name) = attribute.path().get_ident().map(Ident::to_string) else {
            continue;
        };
        if KNOWN.contains(&name.as_str()) {
            continue;
        }
        let near = match name.as_str() {
            "argument" | "param" | "range" | "default" | "rename" => Some("arg"),
            name => nearest(name, KNOWN.into_iter()).filter(|near| ["arg", "state"].contains(near)),
        };
        if let Some(near) = near {
            let near = near.to_owned();
            problems.report(attribute.path(), Problem::MisspeltAttribute { name, near });
        }
    }
}

fn ident<'a>(pattern: &'a Pat, problems: &Problems) -> Option<&'a Ident> {
    match pattern {
        Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => Some(&plain.ident),
        other => {
            let given = shown(other);
            problems.report(other, Problem::Pattern { given });
            None
        }
    }
}

fn source(raw: &RawParameter, name: &str, problems: &Problems) -> Option<Source> {
    if let Type::Reference(reference) = &raw.kind
        && named(&reference.elem, "Job").is_some()
        && reference.mutability.is_none()
    {
        only_injected(raw, name, problems);
        return Some(Source::Job);
    }
    if is_job(&raw.kind) {
        let (name, given) = (name.to_owned(), shown(&raw.kind));
        problems.report(&raw.kind, Problem::JobNotBorrowed { name, given });
        return None;
    }
    if let Some(arguments) = named(&raw.kind, "State") {
        return state(raw, name, &types(arguments), problems);
    }
    if let Some(attribute) = raw.state.first() {
        let name = name.to_owned();
        problems.report(attribute, Problem::StateOnArgument { name });
    }
    if raw.options.flatten.is_some() {
        return flattened(raw, name, problems);
    }
    argument(raw, name, problems)
}

/// `Job` by value, behind `&mut`, or borrowed inside another type. A `Vec<Job>` may be the user's own.
fn is_job(kind: &Type) -> bool {
    match kind {
        Type::Reference(reference) => named(&reference.elem, "Job").is_some(),
        kind => named(kind, "Job").is_some() || (is_borrowed(kind) && mentions(kind, "Job")),
    }
}

fn only_injected(raw: &RawParameter, name: &str, problems: &Problems) {
    if let Some(attribute) = &raw.arg {
        let name = name.to_owned();
        problems.report(attribute, Problem::ArgOnInjected { name });
    }
    if named(&raw.kind, "State").is_none()
        && let Some(attribute) = raw.state.first()
    {
        let name = name.to_owned();
        problems.report(attribute, Problem::StateOnArgument { name });
    }
}

fn state(raw: &RawParameter, name: &str, types: &[&Type], problems: &Problems) -> Option<Source> {
    only_injected(raw, name, problems);
    if let [_, again, ..] = raw.state.as_slice() {
        let name = "state".to_owned();
        problems.report(again, Problem::RepeatedAttribute { name });
    }
    let field = match raw.state.first() {
        Some(attribute) => options::field(&field_of(attribute, problems)?, problems),
        None => field_named_by(raw, name, problems),
    };
    let [kind] = types else {
        let name = name.to_owned();
        problems.report(&raw.kind, Problem::StateWithoutType { name });
        return None;
    };
    owned(kind, raw, name, problems)?;
    let kind = (*kind).clone();
    Some(Source::State { field, kind })
}

fn field_named_by(raw: &RawParameter, name: &str, problems: &Problems) -> String {
    if !values::is_field(name) {
        let plain = values::plain(name, values::LONGEST_FIELD);
        let suggestion = format!("#[state(\"{plain}\")]");
        let name = name.to_owned();
        problems.report(&raw.pattern, Problem::BadStateField { name, suggestion });
    }
    name.to_owned()
}

/// The parameter's name as a text, at the parameter.
fn named_by(pattern: &Pat, name: &str) -> LitStr {
    let first = pattern.to_token_stream().into_iter().last();
    let span = first.map_or_else(proc_macro2::Span::call_site, |token| token.span());
    LitStr::new(name, span)
}

fn field_of(attribute: &Attribute, problems: &Problems) -> Option<LitStr> {
    let text = match attribute.parse_args::<Lit>() {
        Ok(Lit::Str(text)) => Some(text),
        _ => None,
    };
    if text.is_none() {
        problems.report(attribute, Problem::MalformedState);
    }
    text
}

fn flattened(raw: &RawParameter, name: &str, problems: &Problems) -> Option<Source> {
    let options = &raw.options;
    values::flag(options.flatten.as_ref(), problems);
    let others = [
        &options.default,
        &options.range,
        &options.rename,
        &options.skip_log,
    ];
    for slot in others.into_iter().flatten() {
        let option = slot.key.to_string();
        problems.report(&slot.key, Problem::FlattenWithOption { option });
    }
    owned(&raw.kind, raw, name, problems)?;
    Some(Source::Flattened {
        name: name.to_owned(),
        kind: raw.kind.clone(),
    })
}

fn argument(raw: &RawParameter, ident: &str, problems: &Problems) -> Option<Source> {
    let options = &raw.options;
    let name = argument_name(raw, ident, problems);
    let range = options.range.as_ref();
    let range = range.map(|slot| numbers::range(slot, problems));
    let default = default(options, range.as_ref(), problems);
    let skip_log = values::flag(options.skip_log.as_ref(), problems);
    let range = range.unwrap_or_default().widened();
    owned(&raw.kind, raw, ident, problems)?;
    Some(Source::Argument(Box::new(Argument {
        name: name?,
        kind: raw.kind.clone(),
        docs: raw.docs.expression(),
        minimum: range.minimum,
        maximum: range.maximum,
        default: default.map(numbers::widened),
        skip_log,
    })))
}

fn argument_name(raw: &RawParameter, ident: &str, problems: &Problems) -> Option<String> {
    let text = match &raw.options.rename {
        Some(slot) => values::text(slot, "a text in quotes", problems)?,
        None => named_by(&raw.pattern, ident),
    };
    let name = text.value();
    if values::is_argument(&name) {
        return Some(name);
    }
    problems.report(text, Problem::BadArgumentName { name });
    None
}

fn default(options: &RawArg, range: Option<&numbers::Range>, problems: &Problems) -> Option<Expr> {
    let slot = options.default.as_ref()?;
    let Value::Given(default) = &slot.value else {
        problems.report(slot, values::wrong_or_missing(slot, "an expression"));
        return None;
    };
    if range.is_some_and(|range| range.excludes(default)) {
        let given = shown(default);
        let range = options.range.as_ref().map(shown).unwrap_or_default();
        problems.report(slot, Problem::DefaultOutOfRange { given, range });
    }
    Some(default.clone())
}

/// Whether a job can own a value of the type, which is the parameter's or a part of that.
fn owned(kind: &Type, raw: &RawParameter, name: &str, problems: &Problems) -> Option<()> {
    let name = name.to_owned();
    if mentions_impl(kind) {
        problems.report(kind, Problem::ImplTraitArgument { name });
        None
    } else if is_borrowed(kind) || matches!(kind, Type::Reference(_)) {
        let given = shown(&raw.kind);
        let owned = owned_text(&given);
        problems.report(kind, Problem::BorrowedArgument { name, given, owned });
        None
    } else {
        Some(())
    }
}

/// The type that holds what a borrowed type borrows, for the common cases.
fn owned_text(given: &str) -> String {
    let mut parts = given.split('\'');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = |c: char| c.is_alphanumeric() || c == '_';
        let rest = part.trim_start_matches(name);
        if text.ends_with('&') {
            text.push_str(rest.trim_start());
        } else {
            text.push_str("'static");
            text.push_str(rest);
        }
    }
    let text = text.replace("&mut ", "&").replace("&str", "String");
    let text = text.replace("&Path", "PathBuf");
    match text
        .strip_prefix("&[")
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(element) => format!("Vec<{}>", element.replace('&', "")),
        None => text.replace('&', ""),
    }
}

/// At most one `&Job`, and no name twice.
fn clashes(read: &[(&RawParameter, Parameter)], problems: &Problems) {
    let mut has_job = false;
    let (mut names, mut fields) = (HashSet::new(), HashSet::new());
    for (raw, parameter) in read {
        // Of two under a `#[cfg]` only one may be there; start-up checks the names once more.
        if !raw.cfg.is_empty() {
            continue;
        }
        match &parameter.source {
            Source::Job if has_job => {
                let name = parameter.ident.to_string();
                problems.report(&raw.kind, Problem::SecondJob { name });
            }
            Source::Job => has_job = true,
            Source::Argument(argument) if !names.insert(argument.name.clone()) => {
                let name = argument.name.clone();
                let at = place(raw.options.rename.as_ref(), raw);
                problems.report(at, Problem::SecondArgument { name });
            }
            Source::State { field, .. } if !fields.insert(field.clone()) => {
                let field = field.clone();
                problems.report(&raw.kind, Problem::SecondState { field });
            }
            Source::Argument(_) | Source::State { .. } | Source::Flattened { .. } => {}
        }
    }
}

fn place(slot: Option<&Slot>, raw: &RawParameter) -> proc_macro2::TokenStream {
    slot.map_or_else(|| raw.pattern.to_token_stream(), ToTokens::to_token_stream)
}

fn flattened_alone(read: &[(&RawParameter, Parameter)], problems: &Problems) {
    let of_call = |(_, parameter): &&(&RawParameter, Parameter)| {
        matches!(
            parameter.source,
            Source::Argument(_) | Source::Flattened { .. }
        )
    };
    if read.iter().filter(of_call).count() < 2 {
        return;
    }
    for (raw, parameter) in read {
        if let Source::Flattened { name, .. } = &parameter.source {
            let name = name.clone();
            let at = place(raw.options.flatten.as_ref(), raw);
            problems.report(at, Problem::FlattenNotAlone { name });
        }
    }
}
