//! The annotated function: signature as syntax, body as tokens, our inert attributes taken off.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, Meta, Pat, Signature, Type, Visibility};

use crate::problem::{Problem, Problems};
use crate::syntax::docs::Docs;
use crate::syntax::options::{self, RawArg};

/// The function as written. As tokens: the function without our attributes and without docs on parameters.
pub struct RawFunction {
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// More `#[background_tool]` attributes, taken off so that they do not expand as well.
    pub repeated: Vec<Attribute>,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its signature, cleaned.
    pub signature: Signature,
    /// Its block, or `;`.
    pub body: TokenStream,
    /// Its doc comment.
    pub docs: Docs,
    /// Its parameters but `self`.
    pub parameters: Vec<RawParameter>,
}

/// One parameter as written.
pub struct RawParameter {
    /// The pattern before the colon.
    pub pattern: Pat,
    /// The type.
    pub kind: Type,
    /// `#[cfg]` attributes, which the compiler evaluates after us.
    pub cfg: Vec<Attribute>,
    /// The doc comment.
    pub docs: Docs,
    /// The first `#[arg]` attribute.
    pub arg: Option<Attribute>,
    /// The options of all `#[arg]` attributes.
    pub options: RawArg,
    /// `#[state]` attributes.
    pub state: Vec<Attribute>,
    /// The attributes that stay.
    pub others: Vec<Attribute>,
}

impl ToTokens for RawFunction {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.attributes.iter().for_each(|a| a.to_tokens(tokens));
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// Reads a function; `None` if the item is none.
pub fn parse(item: &TokenStream, problems: &Problems) -> Option<RawFunction> {
    let parsed = Parser::parse2(|input: ParseStream| function(input, problems), item.clone());
    if parsed.is_err() {
        problems.report(offender(item), Problem::NotAFunction);
    }
    parsed.ok()
}

fn function(input: ParseStream, problems: &Problems) -> syn::Result<RawFunction> {
    let attributes = input.call(Attribute::parse_outer)?;
    let (repeated, attributes) = attributes.into_iter().partition(is_ours);
    let attributes: Vec<Attribute> = attributes;
    let visibility = input.parse()?;
    let mut signature: Signature = input.parse()?;
    let body = input.parse()?;
    let mut docs = Docs::default();
    let own = attributes.iter().filter(|a| a.path().is_ident("doc"));
    own.for_each(|attribute| docs.add(attribute));
    let parameters = parameters(&mut signature, problems);
    Ok(RawFunction {
        attributes,
        repeated,
        visibility,
        signature,
        body,
        docs,
        parameters,
    })
}

fn is_ours(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == "background_tool")
}

fn parameters(signature: &mut Signature, problems: &Problems) -> Vec<RawParameter> {
    let mut parameters = Vec::new();
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            parameters.push(parameter(typed, problems));
        }
    }
    parameters
}

fn parameter(typed: &mut syn::PatType, problems: &Problems) -> RawParameter {
    let mut parameter = RawParameter {
        pattern: (*typed.pat).clone(),
        kind: ungrouped(&typed.ty).clone(),
        cfg: Vec::new(),
        docs: Docs::default(),
        arg: None,
        options: RawArg::default(),
        state: Vec::new(),
        others: Vec::new(),
    };
    typed.attrs.retain(|attribute| {
        let path = attribute.path();
        if path.is_ident("doc") {
            parameter.docs.add(attribute);
        } else if path.is_ident("arg") {
            parameter.read(attribute, problems);
        } else if path.is_ident("state") {
            parameter.state.push(attribute.clone());
        } else {
            if path.is_ident("cfg") {
                parameter.cfg.push(attribute.clone());
            }
            parameter.others.push(attribute.clone());
            return true;
        }
        false
    });
    parameter
}

impl RawParameter {
    fn read(&mut self, attribute: &Attribute, problems: &Problems) {
        match &attribute.meta {
            Meta::List(list) => {
                options::parse_into(list.tokens.clone(), &mut self.options, problems);
            }
            other => {
                let example = "#[arg(default = 100)]".to_owned();
                problems.report(other, Problem::MalformedOption { example });
            }
        }
        self.arg.get_or_insert_with(|| attribute.clone());
    }
}

/// The type itself where a `macro_rules!` fragment has put invisible brackets around it.
pub fn ungrouped(kind: &Type) -> &Type {
    match kind {
        Type::Group(group) => ungrouped(&group.elem),
        kind => kind,
    }
}

/// What to point at in an item that is not a function: its first token after attributes.
fn offender(item: &TokenStream) -> TokenStream {
    let rest = |input: ParseStream| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<TokenStream>()
    };
    let rest = Parser::parse2(rest, item.clone()).unwrap_or_else(|_| item.clone());
    rest.into_iter().take(1).collect()
}
