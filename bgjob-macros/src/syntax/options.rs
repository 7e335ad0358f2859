//! The options of our attributes, as written: `key`, `key = value` or `key(…)`, separated by commas.
//!
//! A new option is one row here, one field of the model and its rule in `validate`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

use crate::problem::{Problem, Problems};

/// One option as written.
pub struct Slot {
    /// The option's name.
    pub key: Ident,
    /// What it was given.
    pub value: Value,
    /// How it is written, for messages.
    pub example: &'static str,
}

/// What follows an option's name.
pub enum Value {
    /// Nothing: `skip_log`.
    Bare,
    /// `= expression`.
    Given(Expr),
    /// `( … )`.
    List(TokenStream),
    /// Something that is none of these.
    Unreadable,
}

impl ToTokens for Slot {
    /// The smallest thing to edit: the value where there is one, else the key.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.value {
            Value::Given(value) => value.to_tokens(tokens),
            Value::List(list) if !list.is_empty() => list.to_tokens(tokens),
            Value::Bare | Value::List(_) | Value::Unreadable => self.key.to_tokens(tokens),
        }
    }
}

/// The options that one attribute knows.
pub trait Table: Default {
    /// Name and example of each.
    const ROWS: &[(&str, &str)];

    /// The place for the option of that name.
    fn slot(&mut self, key: &str) -> Option<&mut Option<Slot>>;
}

macro_rules! table {
    ($(#[$doc:meta])* $table:ident { $($field:ident: $key:literal, $example:literal;)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $table {
            $(#[doc = $example] pub $field: Option<Slot>,)*
        }

        impl Table for $table {
            const ROWS: &[(&str, &str)] = &[$(($key, $example)),*];

            fn slot(&mut self, key: &str) -> Option<&mut Option<Slot>> {
                match key {
                    $($key => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

table! {
    /// `#[background_tool(…)]`.
    RawOptions {
        timeout: "timeout", "timeout = \"30m\"";
        state_patch: "state_patch", "state_patch = \"simulation\"";
        name: "name", "name = \"simulate\"";
        title: "title", "title = \"Simulate a digester\"";
        max_concurrent: "max_concurrent", "max_concurrent = 2";
        priority: "priority", "priority = 5";
        pass_env: "pass_env", "pass_env = [\"OPENAI_API_KEY\", \"AWS_*\"]";
        retries: "retries", "retries = 3";
        dedupe: "dedupe", "dedupe = \"in_flight\"";
        inline: "inline", "inline = \"2s\"";
        task: "task", "task = \"required\"";
        flavor: "flavor", "flavor = \"multi_thread\"";
        runtime: "crate", "crate = ::bgjob_runtime";
    }
}

table! {
    /// `#[arg(…)]`.
    RawArg {
        default: "default", "default = 100";
        range: "range", "range = 1..=3650";
        rename: "rename", "rename = \"days\"";
        skip_log: "skip_log", "skip_log";
        flatten: "flatten", "flatten";
    }
}

table! {
    /// `state_patch(…)`.
    RawPatch {
        field: "field", "field = \"simulation\"";
        pointer: "pointer", "pointer = \"/a/b\"";
    }
}

table! {
    /// `retries(…)`.
    RawRetries {
        max: "max", "max = 3";
        on: "on", "on = [\"lost\", \"crashed\"]";
        backoff: "backoff", "backoff = \"5s\"";
        max_backoff: "max_backoff", "max_backoff = \"5m\"";
    }
}

/// Reads all options of one attribute, whatever is wrong with some of them.
pub fn parse<T: Table>(tokens: TokenStream, problems: &Problems) -> T {
    let mut table = T::default();
    parse_into(tokens, &mut table, problems);
    table
}

/// Adds the options of one more attribute to those already read.
pub fn parse_into<T: Table>(tokens: TokenStream, table: &mut T, problems: &Problems) {
    // Reports its own errors, so there is none left to look at.
    let _ = Parser::parse2(|input: ParseStream| entries(input, table, problems), tokens);
}

fn entries<T: Table>(input: ParseStream, table: &mut T, problems: &Problems) -> syn::Result<()> {
    while !input.is_empty() {
        match Ident::parse_any(input) {
            Ok(key) => put(key, input, table, problems)?,
            Err(_) => malformed::<T>(input, problems),
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            malformed::<T>(input, problems);
        }
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(())
}

fn put<T: Table>(
    key: Ident,
    input: ParseStream,
    table: &mut T,
    problems: &Problems,
) -> syn::Result<()> {
    let value = value(input)?;
    let name = key.unraw().to_string();
    let example = T::ROWS.iter().find(|(known, _)| *known == name);
    match table.slot(&name) {
        None => problems.report(&key, unknown::<T>(name)),
        Some(Some(_)) => problems.report(&key, Problem::RepeatedOption { name }),
        Some(slot) => {
            let example = example.map_or("", |(_, example)| example);
            *slot = Some(Slot {
                key,
                value,
                example,
            });
        }
    }
    Ok(())
}

fn value(input: ParseStream) -> syn::Result<Value> {
    if input.peek(syn::token::Paren) {
        let list;
        syn::parenthesized!(list in input);
        return Ok(Value::List(list.parse()?));
    }
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Ok(Value::Bare);
    }
    let ahead = input.fork();
    if ahead.parse::<Expr>().is_err() {
        skip(input)?;
        return Ok(Value::Unreadable);
    }
    Ok(Value::Given(ungrouped(&input.parse()?).clone()))
}

/// The expression itself where a `macro_rules!` fragment has put invisible brackets around it.
pub fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        expr => expr,
    }
}

/// Reports what stands before the next comma, and passes over it.
fn malformed<T: Table>(input: ParseStream, problems: &Problems) {
    let example = T::ROWS[0].1.to_owned();
    let tokens = skip(input).unwrap_or_default();
    problems.report(tokens, Problem::MalformedOption { example });
}

fn skip(input: ParseStream) -> syn::Result<TokenStream> {
    let mut passed = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        let token: proc_macro2::TokenTree = input.parse()?;
        passed.extend(quote!(#token));
    }
    Ok(passed)
}

fn unknown<T: Table>(name: String) -> Problem {
    let near = hint::<T>(&name);
    let known = T::ROWS.iter().map(|(key, _)| format!("`{key}`"));
    let known = known.collect::<Vec<String>>().join(", ");
    Problem::UnknownOption { name, near, known }
}

/// Words of other frameworks for what is an option here.
const OTHER_WORDS: [(&str, &str); 20] = [
    ("attempts", "retries"),
    ("tries", "retries"),
    ("deadline", "timeout"),
    ("time_limit", "timeout"),
    ("ttl", "timeout"),
    ("env", "pass_env"),
    ("limit", "max_concurrent"),
    ("parallel", "max_concurrent"),
    ("patch", "state_patch"),
    ("state", "state_patch"),
    ("writes", "state_patch"),
    ("idempotent", "dedupe"),
    ("unique", "dedupe"),
    ("runtime", "flavor"),
    ("hidden", "skip_log"),
    ("secret", "skip_log"),
    ("sensitive", "skip_log"),
    ("min", "range"),
    ("max", "range"),
    ("name", "rename"),
];

/// What may have been meant.
fn hint<T: Table>(name: &str) -> String {
    if ["description", "desc", "about", "doc", "help"].contains(&name) {
        return "describe it in a doc comment, `/// …`; ".to_owned();
    }
    let known = || T::ROWS.iter().map(|(key, _)| *key);
    let other = OTHER_WORDS.iter().filter(|(word, _)| *word == name);
    let other = other
        .map(|(_, key)| *key)
        .find(|key| known().any(|known| known == *key));
    let near = other.or_else(|| nearest(name, known()));
    near.map_or_else(String::new, |key| format!("did you mean `{key}`? "))
}

/// The word that the given one is a misspelling of, if any is near enough.
pub fn nearest(given: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let scored = known.map(|word| (strsim::jaro_winkler(given, word), word));
    let near = scored.filter(|(score, _)| *score > 0.8);
    near.max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
