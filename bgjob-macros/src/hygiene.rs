//! Names and spans of generated code: nothing of ours meets a name of the user.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Path, parse_quote};

/// The span of everything that we write.
pub fn span() -> Span {
    Span::mixed_site()
}

/// A span that points at the user's tokens, for errors, and resolves names as our own.
pub fn span_at(tokens: &impl ToTokens) -> Span {
    tokens.span().resolved_at(span())
}

/// The runtime's module for expansions.
pub fn private(runtime: Option<&Path>) -> Path {
    match runtime {
        Some(path) => parse_quote!(#path::__private),
        None => parse_quote!(::bgjob_runtime::__private),
    }
}

/// A local variable of ours. The underscores keep it from being read as a pattern: `let x` means a constant or unit
/// struct `x` where one is in scope, and hygiene does not change that.
pub fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), span())
}

/// The same variable with a span elsewhere.
pub fn placed(ident: &Ident, at: Span) -> Ident {
    Ident::new(&ident.to_string(), at)
}

/// A local variable that holds the value for a parameter. The prefix keeps it apart from our other locals.
pub fn for_parameter(parameter: &Ident) -> Ident {
    local(&format!("arg_{}", parameter.unraw()))
}
