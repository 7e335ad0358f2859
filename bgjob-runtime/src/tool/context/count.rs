//! Counts of work, and the share that is done.

/// Anything that can count work: the integer and floating-point types.
pub trait Count {
    /// The count; above 2^53 the nearest number there is.
    fn count(self) -> f64;
}

macro_rules! count {
    ($($type:ty),*) => {
        $(impl Count for $type {
            fn count(self) -> f64 { self as f64 }
        })*
    };
}

count!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64
);

pub(super) fn share(done: f64, total: f64) -> Option<f64> {
    let share = done / total;
    // Nothing to do is done.
    if total == 0.0 && done >= 0.0 {
        Some(1.0)
    } else {
        share.is_finite().then(|| share.clamp(0.0, 1.0))
    }
}
