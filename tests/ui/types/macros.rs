//! Tools that `macro_rules!` writes.

macro_rules! scale {
    ($(#[$doc:meta])* $name:ident, $limit:literal, $kind:ty, $factor:expr, $patch:literal) => {
        $(#[$doc])*
        #[bgjob_runtime::background_tool(max_concurrent = $limit, state_patch = $patch)]
        #[must_use]
        pub fn $name(#[arg(range = 0..=$limit, default = $factor)] amount: $kind) -> $kind {
            amount * $factor
        }
    };
}

scale!(
    /// Twice as much.
    twice,
    5,
    u32,
    1 + 1,
    "twice"
);
