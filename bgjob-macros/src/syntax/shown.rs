//! Tokens as people write them, for messages: `Option<&str>` rather than `Option < & str >`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens with the usual spaces.
pub fn shown(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                let spaced = open == "{ " || (open == "[" && text.ends_with("mut"));
                if spaced && !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                text.push(punct.as_char());
                if matches!(punct.as_char(), ',' | ';') {
                    text.push(' ');
                }
            }
            word @ (TokenTree::Ident(_) | TokenTree::Literal(_)) => {
                word_after(&word.to_string(), text)
            }
        }
    }
    text.truncate(text.trim_end_matches([' ', ',']).len());
}

/// Words need a space between them; a lifetime is a quote and a word.
fn word_after(word: &str, text: &mut String) {
    let last = text.chars().next_back().unwrap_or(' ');
    if last.is_alphanumeric() || last == '_' {
        text.push(' ');
    }
    text.push_str(word);
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => ("{ ", " }"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn types_patterns_and_ranges_look_as_written() {
        assert_eq!(shown(&quote!(Option<&'a str>)), "Option<&'a str>");
        assert_eq!(
            shown(&quote!(&mut [Map<String, u8>])),
            "&mut [Map<String, u8>]"
        );
        assert_eq!(shown(&quote!((a, mut b))), "(a, mut b)");
        assert_eq!(shown(&quote!(Point { x, y })), "Point { x, y }");
        assert_eq!(shown(&quote!(-1.5..=10)), "-1.5..=10");
        assert_eq!(shown(&quote!(::std::io::Error)), "::std::io::Error");
    }
}
