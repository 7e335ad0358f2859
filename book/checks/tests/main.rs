//! What keeps the guide true: its consoles are run, its JSON is checked, its links lead somewhere, its reference pages
//! are made from the code. Its Rust blocks are the doc tests of the package.

mod consoles;
mod json;
mod links;
mod normal;
mod programs;
mod quick_start;
mod reference;
mod source;
mod summary;
mod unrun;

fn none(what: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{what}:\n  {}",
        offenders.join("\n  ")
    );
}

/// Whether the pages are to be written anew instead of compared.
fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}
