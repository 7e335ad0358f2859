//! The rules of the function as a whole.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, GenericArgument, Meta, PathArguments, ReturnType, Type};

use crate::model::Output;
use crate::problem::{Problem, Problems};
use crate::syntax::function::{RawFunction, ungrouped};
use crate::syntax::shown::shown;

/// Everything but parameters and return type.
pub fn check(function: &RawFunction, problems: &Problems) {
    let signature = &function.signature;
    let name = || signature.ident.to_string();
    for again in &function.repeated {
        let name = "background_tool".to_owned();
        problems.report(again, Problem::RepeatedAttribute { name });
    }
    if let Some(token) = &signature.constness {
        problems.report(token, Problem::ConstFn { name: name() });
    }
    if let Some(token) = &signature.unsafety {
        problems.report(token, Problem::UnsafeFn { name: name() });
    }
    if let Some(token) = &signature.abi {
        problems.report(token, Problem::ExternFn { name: name() });
    }
    if let Some(variadic) = &signature.variadic {
        problems.report(variadic, Problem::Variadic);
    }
    if !signature.generics.params.is_empty() {
        problems.report(&signature.generics, Problem::Generic { name: name() });
    } else if let Some(clause) = &signature.generics.where_clause {
        problems.report(clause, Problem::Generic { name: name() });
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        problems.report(receiver, Problem::Method);
    }
    if !matches!(
        function.body.clone().into_iter().next(),
        Some(TokenTree::Group(_))
    ) {
        problems.report(&function.body, Problem::NoBody { name: name() });
    }
}

/// The return type; `None` if a job cannot have such a result.
pub fn output(function: &RawFunction, problems: &Problems) -> Option<Output> {
    let ReturnType::Type(_, kind) = &function.signature.output else {
        return Some(Output {
            kind: None,
            fallible: false,
            error: None,
        });
    };
    let output = value_type(ungrouped(kind));
    let Some(value) = &output.kind else {
        return Some(output);
    };
    let problem = if matches!(value, Type::Never(_)) {
        Problem::NeverReturns
    } else if mentions_impl(value) {
        Problem::ImplTraitReturn
    } else if is_borrowed(value) {
        let given = shown(value);
        Problem::BorrowedReturn { given }
    } else {
        return Some(output);
    };
    problems.report(value, problem);
    None
}

/// `T` of `Result<T, E>`, of `Result<T>` and of `T` itself; `Result` alone is an alias for an empty value.
fn value_type(kind: &Type) -> Output {
    match named(kind, "Result") {
        Some(arguments) => Output {
            kind: types(arguments).first().map(|kind| (*kind).clone()),
            fallible: true,
            error: types(arguments).get(1).map(|kind| (*kind).clone()),
        },
        None => Output {
            kind: Some(kind.clone()),
            fallible: false,
            error: None,
        },
    }
}

/// The generic arguments of a type whose last path segment has that name.
pub fn named<'a>(kind: &'a Type, name: &str) -> Option<&'a PathArguments> {
    let Type::Path(path) = kind else {
        return None;
    };
    let last = path.path.segments.last()?;
    (last.ident == name).then_some(&last.arguments)
}

/// The types among generic arguments.
pub fn types(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return Vec::new();
    };
    let arguments = arguments.args.iter();
    let types = arguments.filter_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(kind),
        _ => None,
    });
    types.collect()
}

/// Whether `impl` stands anywhere in the type.
pub fn mentions_impl(kind: &Type) -> bool {
    mentions(kind, "impl")
}

/// Whether the word stands anywhere in the type.
pub fn mentions(kind: &Type, word: &str) -> bool {
    let word = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident == word);
    flat(kind.to_token_stream()).iter().any(word)
}

/// Whether the type has a reference or lifetime other than `'static`.
pub fn is_borrowed(kind: &Type) -> bool {
    let tokens = flat(kind.to_token_stream());
    let sign = |token: Option<&TokenTree>, sign: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    (0..tokens.len()).any(|place| {
        let next = tokens.get(place + 1);
        if sign(tokens.get(place), '\'') {
            next.is_none_or(|name| name.to_string() != "static")
        } else {
            sign(tokens.get(place), '&') && !sign(next, '\'')
        }
    })
}

fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let inner = |token| match token {
        TokenTree::Group(group) => flat(group.stream()),
        token => vec![token],
    };
    tokens.into_iter().flat_map(inner).collect()
}

/// What the function's attributes say about lints, for our call of it: no warning that the user has answered
/// comes back, and none about a deprecation that is the user's own.
pub fn lints(function: &RawFunction) -> Vec<TokenStream> {
    let lint = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
            let names = &list.tokens;
            Some(quote!(#[allow(#names)]))
        }
        meta if meta.path().is_ident("deprecated") => Some(quote!(#[allow(deprecated)])),
        _ => None,
    };
    function.attributes.iter().filter_map(lint).collect()
}
