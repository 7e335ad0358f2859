//! Tools that `macro_rules!` writes.

macro_rules! scale {
    ($(#[$doc:meta])* $name:ident, $limit:literal, $kind:ty, $factor:expr, $patch:literal, $out:ty) => {
        $(#[$doc])*
        #[bgjob_runtime::background_tool(max_concurrent = $limit, state_patch = $patch, pass_env = [$patch])]
        pub fn $name(#[arg(range = 0..=$limit, default = $factor)] amount: $kind) -> $out {
            Ok(amount * $factor)
        }
    };
}

scale!(
    /// Twice as much.
    ///
    /// # Errors
    /// Never.
    twice,
    5,
    u32,
    1 + 1,
    "twice",
    Result<u32, String>
);
