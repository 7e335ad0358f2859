//! Doc comments as text for agents and people.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// A doc comment: an expression of type `&'static str`.
#[derive(Default)]
pub struct Docs {
    lines: Vec<Line>,
}

enum Line {
    Text(String),
    /// `#[doc = include_str!("…")]` and the like.
    Computed(Expr),
}

impl Docs {
    /// Adds what one attribute says, if it is documentation.
    pub fn add(&mut self, attribute: &Attribute) {
        let Meta::NameValue(doc) = &attribute.meta else {
            return;
        };
        match &doc.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => self.lines.extend(lines(&text.value())),
            computed => self.lines.push(Line::Computed(computed.clone())),
        }
    }

    /// The text as an expression, or nothing where nothing is said.
    pub fn expression(&self) -> Option<TokenStream> {
        let computed = self.lines.iter().any(|l| matches!(l, Line::Computed(_)));
        if computed {
            let parts = self.lines.iter().map(|line| match line {
                Line::Text(text) => format!("{}\n", text.trim()).to_token_stream(),
                Line::Computed(expr) => quote!(#expr, "\n"),
            });
            return Some(quote!(::core::concat!(#(#parts),*)));
        }
        let text = unindented(&self.lines);
        (!text.is_empty()).then(|| text.to_token_stream())
    }
}

/// The lines of one `///` or `/** */`, without the latter's column of stars.
fn lines(text: &str) -> Vec<Line> {
    let starred = text
        .lines()
        .skip(1)
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('*'));
    let plain = |(index, line): (usize, &str)| {
        let line = match line.trim_start().strip_prefix('*') {
            Some(rest) if starred && index > 0 => rest,
            _ => line,
        };
        Line::Text(line.trim_end().to_owned())
    };
    if text.is_empty() {
        return vec![Line::Text(String::new())];
    }
    text.lines().enumerate().map(plain).collect()
}

/// The lines without the indentation that all of them share.
fn unindented(lines: &[Line]) -> String {
    let lines = lines.iter().map(|line| match line {
        Line::Text(text) => text.as_str(),
        Line::Computed(_) => "",
    });
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let filled = lines.clone().filter(|line| !line.is_empty());
    let shared = filled.map(indent).min().unwrap_or(0);
    let lines: Vec<&str> = lines.map(|line| line.get(shared..).unwrap_or("")).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn text(attributes: &[Attribute]) -> String {
        let mut docs = Docs::default();
        attributes.iter().for_each(|a| docs.add(a));
        docs.expression().unwrap_or_default().to_string()
    }

    #[test]
    fn line_comments_lose_their_space_and_keep_their_indentation() {
        let docs: [Attribute; 4] = [
            parse_quote!(#[doc = " First."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " * item"]),
            parse_quote!(#[doc = "   more"]),
        ];
        assert_eq!(text(&docs), r#""First.\n\n* item\n  more""#);
    }

    #[test]
    fn block_comments_lose_their_stars() {
        let docs: [Attribute; 1] =
            [parse_quote!(#[doc = "\n     * First.\n     * Second.\n     "])];
        assert_eq!(text(&docs), r#""First.\nSecond.""#);
    }

    #[test]
    fn computed_docs_are_computed_by_the_compiler() {
        let docs: [Attribute; 2] = [
            parse_quote!(#[doc = " First."]),
            parse_quote!(#[doc = include_str!("more.md")]),
        ];
        let expected = r#":: core :: concat ! ("First.\n" , include_str ! ("more.md") , "\n")"#;
        assert_eq!(text(&docs), expected);
    }

    #[test]
    fn hidden_is_not_a_text() {
        assert_eq!(text(&[parse_quote!(#[doc(hidden)])]), "");
    }
}
