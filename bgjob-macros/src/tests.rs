//! What the attribute expands to, one snapshot a feature, printed as a person would write it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;

use crate::problem::Problem;
use crate::syntax::options::{RawArg, RawOptions, RawPatch, RawRetries, Table};

/// The expansion as text; the item must be one that is accepted.
fn expanded(options: TokenStream, item: TokenStream) -> String {
    let tokens = crate::attribute(options, item);
    let text = tokens.to_string();
    assert!(!text.contains("compile_error"), "{text}");
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

macro_rules! expansions {
    ($($(#[doc = $doc:literal])* $name:ident: #[background_tool($($options:tt)*)] { $($item:tt)* })*) => {
        $(#[test] $(#[doc = $doc])* fn $name() {
            let text = expanded(quote!($($options)*), quote!($($item)*));
            insta::assert_snapshot!(stringify!($name), text);
        })*
    };
}

expansions! {
    plain: #[background_tool()] {
        pub fn add(a: i64, b: i64) -> i64 { a + b }
    }
    nothing_to_pass_or_return: #[background_tool()] {
        fn tick() {}
    }
    an_async_function: #[background_tool(flavor = "multi_thread")] {
        async fn fetch(url: String) -> Result<Page, Error> { get(url).await }
    }
    a_result_alias_without_arguments: #[background_tool()] {
        fn write() -> std::fmt::Result { Ok(()) }
    }
    all_options: #[background_tool(
        timeout = "1h30m", state_patch(field = "simulation", pointer = "/summary"), name = "simulate_all",
        title = "Simulate", max_concurrent = 2, priority = -5, pass_env = ["OPENAI_API_KEY", "AWS_*"],
        retries(max = 3, on = ["lost", "timed_out"], backoff = "500ms", max_backoff = "1m"), dedupe = "10m",
        inline = "2s",
    )] {
        fn simulate() -> f64 { 0.0 }
    }
    the_default_timeout_and_a_whole_patch: #[background_tool(timeout, state_patch = "size")] {
        fn size() -> f64 { 0.0 }
    }
    a_patch_written_with_an_equals_sign: #[background_tool(state_patch = (field = "size", pointer = "/a"))] {
        fn size() -> f64 { 0.0 }
    }
    plain_retries_and_dedupe: #[background_tool(retries = 2, dedupe = "in_flight")] {
        fn add(a: i64) -> i64 { a }
    }
    no_timeout: #[background_tool(timeout = "none", flavor = "current_thread")] {
        async fn wait() {}
    }
    another_runtime_path: #[background_tool(crate = ::jobs)] {
        fn add(a: i64) -> i64 { a }
    }
    docs: #[background_tool()] {
        /// Adds.
        ///
        /// Exactly.
        fn add(
            /// The first.
            a: i64,
            #[doc = " The second"] #[doc = " of two."] b: i64,
            #[doc = include_str!("c.md")] c: i64,
        ) -> i64 { a + b + c }
    }
    argument_options: #[background_tool()] {
        fn simulate(
            /// Days to simulate, in d.
            #[arg(range = 1..=3650, default = 100)] days: u32,
            #[arg(range = 0.0..1.0)] #[arg(rename = "part")] fraction: f64,
            #[arg(range = MIN.., skip_log)] seed: u64,
            #[arg(range = ..=10_000_000_000, default = Some(5))] limit: Option<i64>,
            #[arg(default = "kg")] unit: String,
            #[arg(default = 1 + 1)] sum: u32,
        ) {}
    }
    a_flattened_argument: #[background_tool()] {
        fn solve(job: &Job, /** All of it. */ #[arg(flatten)] params: Params) -> Solution { run(params) }
    }
    job_and_state: #[background_tool()] {
        async fn simulate(
            basis: State<Basis>,
            job: &bgjob_runtime::Job,
            mut days: u32,
            #[state("feed")] latest: bgjob_runtime::State<Vec<Feed>>,
        ) -> Result<Simulation, DigesterError> { run(job, days, &basis, &latest) }
    }
    raw_identifiers: #[background_tool()] {
        fn r#match(r#type: String, r#in: State<u8>) -> bool { r#type.is_empty() }
    }
    conditional_parameters: #[background_tool()] {
        fn mesh(#[cfg(feature = "fine")] size: f64, #[cfg(not(feature = "fine"))] size: u8, steps: u32) {}
    }
    other_attributes: #[background_tool()] {
        #[deprecated]
        #[allow(clippy::too_many_arguments)]
        #[expect(unused_variables, reason = "later")]
        #[tracing::instrument(skip_all)]
        pub(crate) fn old(#[allow(unused)] a: i64) {}
    }
}

/// The emitted tokens for a wrong item.
fn recovered(options: TokenStream, item: TokenStream) -> String {
    let tokens = crate::attribute(options, item);
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[test]
fn the_cleaned_function_outlives_all_problems() {
    let text = recovered(
        quote!(timeout = 30, timout = "30m", "x", name),
        quote! {
            fn mesh<T>(
                /// Not a doc comment of Rust's.
                #[arg(ranje = 1..2)] size: &str,
                #[state] (a, b): (u8, u8),
            ) -> impl Fn() { || () }
        },
    );
    insta::assert_snapshot!("all_problems_at_once", text);
}

#[test]
fn an_item_that_is_no_function_stays_as_it_was() {
    let text = recovered(
        quote!(),
        quote!(
            pub struct Mesh {
                #[serde(skip)]
                size: f64,
            }
        ),
    );
    insta::assert_snapshot!("not_a_function", text);
}

#[test]
fn the_same_input_gives_the_same_output() {
    let expand = || {
        expanded(
            quote!(timeout),
            quote!(
                fn add(a: i64) -> i64 {
                    a
                }
            ),
        )
    };
    assert_eq!(expand(), expand());
}

/// `SecondJob` has the case `second_job`.
fn case_of(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_message_has_its_ui_case_and_every_case_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/cases");
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let present: BTreeSet<PathBuf> = files.collect();
    let cases = Problem::NAMES.iter().map(|name| folder.join(case_of(name)));
    let expected: BTreeSet<PathBuf> = cases
        .flat_map(|case| [case.with_extension("rs"), case.with_extension("stderr")])
        .collect();
    assert_eq!(present, expected);
}

#[test]
fn every_ui_case_shows_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/cases");
    for (name, words) in Problem::NAMES.iter().zip(Problem::WORDS) {
        let shown = folder.join(case_of(name)).with_extension("stderr");
        let shown = std::fs::read_to_string(shown).unwrap();
        // The fixed part of the message that is longest.
        let words = words
            .split(['{', '}'])
            .step_by(2)
            .max_by_key(|part| part.len());
        let words = words.unwrap();
        assert!(shown.contains(words), "{name}: no `{words}` in\n{shown}");
    }
}

#[test]
fn every_option_is_documented_and_every_documented_option_exists() {
    let reference =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../bgjob-runtime/src/background_tool.md");
    let reference = std::fs::read_to_string(reference).unwrap();
    for (part, options) in [
        ("# Options of `#[background_tool(…)]`", RawOptions::ROWS),
        ("# Retries", RawRetries::ROWS),
        ("# Options of `#[arg(…)]`", RawArg::ROWS),
    ] {
        let rows = reference.split(part).nth(1).unwrap();
        let rows = rows.split("\n# ").next().unwrap().lines();
        let rows: BTreeSet<&str> = rows.filter_map(|row| row.strip_prefix("| `")).collect();
        let rows = rows.iter().filter_map(|row| row.split("` |").next());
        let expected: BTreeSet<&str> = options.iter().map(|(_, example)| *example).collect();
        assert_eq!(rows.collect::<BTreeSet<_>>(), expected, "{part}");
    }
    for (key, _) in RawPatch::ROWS {
        assert!(
            reference.contains(&format!("{key} = \"")),
            "`{key}` is missing"
        );
    }
}

#[test]
fn every_function_can_be_read_at_a_glance() {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for (name, lines) in functions(&text) {
                assert!(
                    lines <= 45,
                    "{}: `{name}` has {lines} lines",
                    path.display()
                );
            }
        }
    }
}

/// Name and length of each function in a file as rustfmt leaves it.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let head = line.trim_start().trim_start_matches("pub ");
        let Some(name) = head.strip_prefix("fn ") else {
            continue;
        };
        let end = format!("{indent}}}");
        let length = lines[at..]
            .iter()
            .position(|line| *line == end)
            .unwrap_or(0)
            + 1;
        found.push((name.split(['(', '<']).next().unwrap(), length));
    }
    found
}
