//! The body: fetches what the function needs, calls it, hands its result over.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::Path;

use crate::hygiene::{self, span, span_at};
use crate::model::{Parameter, Source, Tool};

/// The function behind one interface for all tools.
pub fn body(tool: &Tool, private: &Path) -> TokenStream {
    let call = hygiene::local("call");
    let fetches = tool.parameters.iter().filter_map(|p| fetch(p, &call));
    let passed = tool.parameters.iter().map(|p| passed(p, &call));
    let function = &tool.function;
    let wait = tool.is_async.then(|| quote_spanned!(span()=> .await));
    let run = quote_spanned!(span()=> #function(#(#passed),*) #wait);
    let finish = finish(tool, &run, &call, private);
    let steps = quote_spanned!(span()=> #(#fetches)* #finish);
    if tool.is_async {
        quote_spanned! {span()=>
            #private::Body::Async(|#call: &#private::Call| {
                ::std::boxed::Box::pin(async move { #steps })
            })
        }
    } else {
        quote_spanned!(span()=> #private::Body::Sync(|#call: &#private::Call| { #steps }))
    }
}

/// The statement that gets a parameter's value out of the call.
fn fetch(parameter: &Parameter, call: &Ident) -> Option<TokenStream> {
    let local = hygiene::for_parameter(&parameter.ident);
    let value = match &parameter.source {
        Source::Job => return None,
        Source::Argument(argument) => {
            let (name, kind) = (&argument.name, &argument.kind);
            quote_spanned!(span_at(kind)=> #call.arg::<#kind>(#name))
        }
        Source::Flattened { kind, .. } => {
            quote_spanned!(span_at(kind)=> #call.flattened::<#kind>())
        }
        Source::State { field, kind } => {
            quote_spanned!(span_at(kind)=> #call.state::<#kind>(#field))
        }
    };
    let cfg = &parameter.cfg;
    Some(quote_spanned!(span()=> #(#cfg)* let #local = #value?;))
}

fn passed(parameter: &Parameter, call: &Ident) -> TokenStream {
    let cfg = &parameter.cfg;
    match &parameter.source {
        Source::Job => quote_spanned!(span()=> #(#cfg)* #call.job()),
        _ => {
            let local = hygiene::for_parameter(&parameter.ident);
            quote_spanned!(span()=> #(#cfg)* #local)
        }
    }
}

/// The function's value becomes the job's result, or its error the job's failure.
fn finish(tool: &Tool, run: &TokenStream, call: &Ident, private: &Path) -> TokenStream {
    let output = hygiene::local("output");
    let value = hygiene::local("value");
    // Bound first and called later: a missing trait is then blamed on the type, as in the signature, where the
    // compiler has already said it, and not on the value as well.
    let bind = match &tool.output.kind {
        Some(kind) => quote_spanned!(span_at(kind)=> #private::Call::output::<#kind>),
        None => quote_spanned!(span()=> #private::Call::output::<()>),
    };
    let bind = quote_spanned!(span()=> let #output = #bind;);
    if !tool.output.fallible {
        return quote_spanned!(span()=> #bind let #value = #run; #output(#call, &#value));
    }
    let error = hygiene::local("error");
    let failure = failure(tool, &error, call, private);
    quote_spanned! {span()=>
        #bind
        match #run {
            ::core::result::Result::Ok(#value) => #output(#call, &#value),
            ::core::result::Result::Err(#error) => {
                use #private::{DetailsAbsent as _, DetailsBySerialize as _};
                use #private::{FinalFailure as _, PassingFailure as _};
                #failure
            }
        }
    }
}

/// The probe picks its method by how often it must be dereferenced: an error that is `Serialize` has details.
fn failure(tool: &Tool, error: &Ident, call: &Ident, private: &Path) -> TokenStream {
    let details = quote_spanned!(span()=> (&&#private::ErrorProbe(&#error)).__details());
    let retryable = quote_spanned!(span()=> (&&#private::ErrorProbe(&#error)).__retryable());
    let at = tool.output.error.as_ref().map_or_else(span, span_at);
    let error = hygiene::placed(error, at);
    let error = quote_spanned!(at=> &#error);
    quote_spanned!(span()=> #call.failure(#error, #details, #retryable))
}
