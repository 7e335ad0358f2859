//! `retries` and `dedupe` as constant expressions.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;

use crate::hygiene::span;
use crate::model::{Dedupe, Retries, RetryOn};

/// What is tried again.
pub fn retries(retries: &Retries, private: &Path) -> TokenStream {
    let max = retries.max;
    let on = retries.on.iter().map(|causes| {
        let causes = causes.iter().map(|cause| {
            let cause = match cause {
                RetryOn::Lost => quote!(Lost),
                RetryOn::Crashed => quote!(Crashed),
                RetryOn::TimedOut => quote!(TimedOut),
                RetryOn::Retryable => quote!(Retryable),
            };
            quote_spanned!(span()=> #private::RetryOn::#cause)
        });
        quote_spanned!(span()=> &[#(#causes),*])
    });
    let backoff = retries.backoff.map(time).into_iter();
    let max_backoff = retries.max_backoff.map(time).into_iter();
    quote_spanned! {span()=>
        #private::Retries::new(#max)
        #(.on(#on))*
        #(.backoff(#backoff))*
        #(.max_backoff(#max_backoff))*
    }
}

/// Which earlier calls stand for a new one.
pub fn dedupe(dedupe: Dedupe, private: &Path) -> TokenStream {
    match dedupe {
        Dedupe::InFlight => quote_spanned!(span()=> #private::Dedupe::InFlight),
        Dedupe::Within(window) => {
            let window = time(window);
            quote_spanned!(span()=> #private::Dedupe::Within(#window))
        }
    }
}

/// A duration in whole milliseconds.
pub fn time(time: Duration) -> TokenStream {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    quote_spanned!(span()=> ::core::time::Duration::from_millis(#milliseconds))
}
