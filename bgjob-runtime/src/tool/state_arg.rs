//! `State<T>`: a parameter that holds a snapshot of a state field.

use std::ops::Deref;

/// A state field as it stood when the job was submitted. It dereferences to the value.
///
/// Later patches of the field do not reach the job. In a plain call or a unit test make one from a
/// value; its version is then 0.
///
/// ```
/// use bgjob_runtime::State;
/// fn volume(flow: State<f64>, days: f64) -> f64 { *flow * days }
/// assert_eq!(volume(State::from(20.0), 15.0), 300.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T> {
    value: T,
    version: u64,
}

impl<T> State<T> {
    pub(crate) fn pinned(value: T, version: u64) -> Self {
        State { value, version }
    }

    /// The version of the field; 0 for a value made by hand.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for State<T> {
    fn from(value: T) -> Self {
        State { value, version: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_made_by_hand_has_version_zero() {
        let state = State::from(vec![1, 2]);
        assert_eq!((state.len(), state.version()), (2, 0));
        assert_eq!(state.into_inner(), [1, 2]);
        assert_eq!(State::pinned(1, 7).version(), 7);
    }
}
