//! The `ToolSpec`: what the attribute, the doc comments and the signature say.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, Path};

use crate::expand::{adapter, repeats};
use crate::hygiene::{self, span, span_at};
use crate::model::{
    Argument, Bound, Flavor, Options, Output, Parameter, Source, TaskSupport, Timeout, Tool,
};

/// The whole specification as a constant expression.
pub fn spec(tool: &Tool, private: &Path) -> TokenStream {
    let name = &tool.name;
    let signature = signature(tool, private);
    let body = adapter::body(tool, private);
    let description = tool.description.iter();
    let options = options(&tool.options, private);
    quote_spanned! {span()=>
        #private::ToolSpec::new(
            #name,
            ::core::concat!(::core::file!(), ":", ::core::line!()),
            #signature,
            #body,
        )
        #(.description(#description))*
        #options
    }
}

fn options(options: &Options, private: &Path) -> TokenStream {
    let title = options.title.iter();
    let timeout = options.timeout.map(|limit| timeout(limit, private));
    let timeout = timeout.iter();
    let (field, pointer): (Vec<_>, Vec<_>) = options.state_patch.iter().cloned().unzip();
    let max_concurrent = options.max_concurrent.iter();
    let priority = options.priority.iter();
    let pass_env = options.pass_env.iter().map(|names| quote!(&[#(#names),*]));
    let retries = options.retries.iter().map(|r| repeats::retries(r, private));
    let dedupe = options
        .dedupe
        .into_iter()
        .map(|d| repeats::dedupe(d, private));
    let inline = options.inline.map(repeats::time).into_iter();
    let flavor = options.flavor.iter().map(|flavor| match flavor {
        Flavor::CurrentThread => quote!(CurrentThread),
        Flavor::MultiThread => quote!(MultiThread),
    });
    let task = options.task.iter().map(|task| match task {
        TaskSupport::Optional => quote!(Optional),
        TaskSupport::Required => quote!(Required),
    });
    quote_spanned! {span()=>
        #(.title(#title))*
        #(.timeout(#timeout))*
        #(.state_patch(#field, #pointer))*
        #(.max_concurrent(#max_concurrent))*
        #(.priority(#priority))*
        #(.pass_env(#pass_env))*
        #(.retries(#retries))*
        #(.dedupe(#dedupe))*
        #(.inline(#inline))*
        #(.task(#private::TaskSupport::#task))*
        #(.flavor(#private::Flavor::#flavor))*
    }
}

fn timeout(limit: Timeout, private: &Path) -> TokenStream {
    match limit {
        Timeout::Default => quote_spanned!(span()=> #private::Timeout::Default),
        Timeout::Never => quote_spanned!(span()=> #private::Timeout::Never),
        Timeout::After(limit) => {
            let limit = repeats::time(limit);
            quote_spanned!(span()=> #private::Timeout::After(#limit))
        }
    }
}

/// Statements rather than one chain, since a parameter may have a `#[cfg]`.
fn signature(tool: &Tool, private: &Path) -> TokenStream {
    let signature = hygiene::local("signature");
    let output = output(&tool.output, private);
    let steps = tool.parameters.iter().filter_map(|parameter| {
        let step = step(parameter, private)?;
        let cfg = &parameter.cfg;
        Some(quote_spanned!(span()=> #(#cfg)* let #signature = #signature.#step;))
    });
    quote_spanned! {span()=>
        || {
            let #signature = #private::Signature::new(#output);
            #(#steps)*
            #signature
        }
    }
}

fn output(output: &Output, private: &Path) -> TokenStream {
    match &output.kind {
        Some(kind) => quote_spanned!(span_at(kind)=> #private::output::<#kind>()),
        None => quote_spanned!(span()=> #private::output::<()>()),
    }
}

fn step(parameter: &Parameter, private: &Path) -> Option<TokenStream> {
    match &parameter.source {
        Source::Job => None,
        Source::Argument(argument) => {
            let argument = self::argument(argument, private);
            Some(quote_spanned!(span()=> arg(#argument)))
        }
        Source::Flattened { name, kind } => {
            let argument = quote_spanned!(span_at(kind)=> #private::flatten::<#kind>(#name));
            Some(quote_spanned!(span()=> flatten(#argument)))
        }
        Source::State { field, kind } => {
            let field = quote_spanned!(span_at(kind)=> #private::state::<#kind>(#field));
            Some(quote_spanned!(span()=> state(#field)))
        }
    }
}

fn argument(argument: &Argument, private: &Path) -> TokenStream {
    let Argument { name, kind, .. } = argument;
    let docs = argument.docs.iter();
    let minimum = argument.minimum.iter();
    let maximum = argument.maximum.iter().map(|bound| match bound {
        Bound::Inclusive(bound) => quote_spanned!(span()=> .maximum(#bound)),
        Bound::Exclusive(bound) => quote_spanned!(span()=> .exclusive_maximum(#bound)),
    });
    let default = argument.default.iter().map(borrowed);
    let skip_log = argument
        .skip_log
        .then(|| quote_spanned!(span()=> .skip_log()));
    let start = quote_spanned!(span_at(kind)=> #private::arg::<#kind>(#name));
    quote_spanned! {span()=>
        #start
        #(.doc(#docs))*
        #(.minimum(#minimum))*
        #(#maximum)*
        #(.default(#default))*
        #skip_log
    }
}

/// `&` before the expression.
fn borrowed(expr: &Expr) -> TokenStream {
    let at = span_at(expr);
    match expr {
        Expr::Binary(_) | Expr::Cast(_) | Expr::Range(_) | Expr::Closure(_) => {
            quote_spanned!(at=> &(#expr))
        }
        _ => quote_spanned!(at=> &#expr),
    }
}
