//! How long to tell a client to wait: never as long as it is known to hold out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::job::request::Owner;

/// Waits longer than this are cut to it: most clients give a call 60 s.
pub const LONGEST: f64 = 50.0;
/// What is waited and advised unless asked or taught otherwise.
pub const USUAL: f64 = 20.0;

/// A shorter wait is not worth a call, even where the job is expected to end sooner.
const LEAST: f64 = 5.0;

/// A wait given up sooner than this was ended by a person, not by a client's limit: the shortest
/// known is 5 s.
const SHORTEST_LIMIT: Duration = Duration::from_secs(4);

/// Owners that are remembered; a server with more of them forgets what it knew.
const MOST_OWNERS: usize = 1024;

/// What cancelled waits have taught, of each owner: one user's client says nothing about another's.
#[derive(Debug, Default)]
pub struct Hints {
    /// The shortest wait that an owner's client cancelled, in s.
    limits: Mutex<HashMap<Owner, f64>>,
}

impl Hints {
    /// Takes note that the owner's client gave up a wait after this long.
    pub fn cancelled_after(&self, owner: &Owner, waited: Duration) {
        if waited < SHORTEST_LIMIT {
            return;
        }
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if limits.len() >= MOST_OWNERS && !limits.contains_key(owner) {
            limits.clear();
        }
        let waited = waited.as_secs_f64();
        let known = limits.entry(owner.clone()).or_insert(waited);
        *known = known.min(waited);
    }

    /// The wait to advise, in whole s: 20, or less than 0.8 of what the client gave up after.
    pub fn wait_s(&self, owner: &Owner) -> f64 {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(limit) = limits.get(owner) else {
            return USUAL;
        };
        ((0.8 * limit).ceil() - 1.0).min(USUAL)
    }

    /// How long a call may be held back that asks for `wait`: not as long as the client gave up after.
    pub fn cut(&self, owner: &Owner, wait: Duration) -> Duration {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        wait.min(kept(limits.get(owner).map_or(LONGEST, |limit| 0.8 * limit)))
    }

    /// The wait to advise for a job that is expected to end in `eta_s`: not much longer than that, so
    /// that the model soon hears of a job which takes longer than it should.
    pub fn wait_for(&self, owner: &Owner, eta_s: Option<u64>) -> f64 {
        let limit = self.wait_s(owner);
        let Some(eta) = eta_s else { return limit };
        (eta as f64 * 1.1 + 1.0).ceil().max(LEAST).min(limit)
    }
}

/// The wait to keep for one that was asked for; what is no time at all is none.
pub fn kept(asked: f64) -> Duration {
    let seconds = if asked.is_nan() {
        0.0
    } else {
        asked.clamp(0.0, LONGEST)
    };
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stay_below_four_fifths_of_the_shortest_cancelled_wait() {
        let (hints, me) = (Hints::default(), Owner::local());
        assert_eq!(hints.wait_s(&me), 20.0);
        for (waited, hint) in [
            (60.0, 20.0),
            (25.5, 20.0),
            (25.0, 19.0),
            (5.0, 3.0),
            (30.0, 3.0),
            (1.0, 3.0),
            (0.05, 3.0),
        ] {
            hints.cancelled_after(&me, Duration::from_secs_f64(waited));
            assert_eq!(hints.wait_s(&me), hint, "after {waited} s");
        }
        let other = Owner::new("somebody else").unwrap();
        assert_eq!(hints.wait_s(&other), 20.0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let hints = Hints::default();
        for n in 0..2 * MOST_OWNERS {
            let owner = Owner::new(format!("user {n}")).unwrap();
            hints.cancelled_after(&owner, Duration::from_secs(5));
            assert_eq!(hints.wait_s(&owner), 3.0);
        }
        assert!(hints.limits.lock().unwrap().len() <= MOST_OWNERS);
    }

    #[test]
    fn a_wait_ends_soon_after_the_job_should_have() {
        let (hints, me) = (Hints::default(), Owner::local());
        for (eta, wait) in [
            (None, 20.0),
            (Some(0), 5.0),
            (Some(9), 11.0),
            (Some(3600), 20.0),
        ] {
            assert_eq!(hints.wait_for(&me, eta), wait, "{eta:?}");
        }
        hints.cancelled_after(&me, Duration::from_secs(5));
        assert_eq!(
            hints.wait_for(&me, Some(0)),
            3.0,
            "the client's limit binds"
        );
    }

    #[test]
    fn a_call_is_held_back_for_less_than_the_client_holds_out() {
        let (hints, me) = (Hints::default(), Owner::local());
        let (short, long) = (Duration::from_secs(2), Duration::from_secs(60));
        assert_eq!(hints.cut(&me, short), short);
        assert_eq!(hints.cut(&me, long), Duration::from_secs(50));
        hints.cancelled_after(&me, Duration::from_secs(5));
        assert_eq!(hints.cut(&me, short), short);
        assert_eq!(hints.cut(&me, long), Duration::from_secs(4));
    }

    #[test]
    fn any_number_makes_a_wait() {
        assert_eq!(kept(600.0), Duration::from_secs(50));
        assert_eq!(kept(f64::INFINITY), Duration::from_secs(50));
        assert_eq!(kept(-1.0), Duration::ZERO);
        assert_eq!(kept(f64::NAN), Duration::ZERO);
        assert_eq!(kept(0.5), Duration::from_millis(500));
    }
}
