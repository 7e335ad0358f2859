//! What is emitted when something is wrong: the user's item, so that nothing else breaks, and every message.

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::problem::Problems;
use crate::syntax::function::RawFunction;

/// The function without our attributes, then the messages.
pub fn function(function: &RawFunction, problems: Problems) -> TokenStream {
    let mut tokens = function.to_token_stream();
    tokens.extend(problems.into_tokens());
    tokens
}

/// An item that is no function, as it was, then the messages.
pub fn item(item: &TokenStream, problems: Problems) -> TokenStream {
    let mut tokens = item.clone();
    tokens.extend(problems.into_tokens());
    tokens
}
