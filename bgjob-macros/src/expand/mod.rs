//! The model to tokens. Cannot fail: whatever could be wrong was found before.

mod adapter;
pub mod recovery;
mod repeats;
mod spec;

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::hygiene;
use crate::model::Tool;
use crate::syntax::function::RawFunction;

/// The user's function, then its registration in a scope of its own.
pub fn tool(function: &RawFunction, tool: &Tool) -> TokenStream {
    let private = hygiene::private(tool.runtime.as_ref());
    let spec = spec::spec(tool, &private);
    let lints = &tool.lints;
    // A constant of its own rather than one expression inside `submit!`: errors in it are the compiler's usual ones.
    quote_spanned! {hygiene::span()=>
        #function

        #(#lints)*
        const _: () = {
            const __TOOL: #private::ToolSpec = #spec;
            #private::submit! { __TOOL }
        };
    }
}
