//! The `#[background_tool]` attribute. Use it as `bgjob_runtime::background_tool`, where its documentation is.

#![deny(missing_docs)]

mod expand;
mod hygiene;
mod model;
mod problem;
mod syntax;
#[cfg(test)]
mod tests;
mod validate;

/// Turns a function into a background tool; documented at `bgjob_runtime::background_tool`.
#[proc_macro_attribute]
pub fn background_tool(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(options.into(), item.into()).into()
}

/// The attribute on tokens that also exist outside a compiler.
fn attribute(
    options: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let problems = problem::Problems::default();
    let options = syntax::options::parse(options, &problems);
    let Some(function) = syntax::function::parse(&item, &problems) else {
        return expand::recovery::item(&item, problems);
    };
    match validate::tool(&options, &function, &problems) {
        Some(tool) if problems.is_empty() => expand::tool(&function, &tool),
        _ => expand::recovery::function(&function, problems),
    }
}
