//! How long a job will take, from how far it is and how long earlier jobs of its tool took.

/// How long the last completed jobs of a tool ran; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRuns {
    /// All that ever completed; only the last of them are kept.
    runs: u64,
    /// In ms, shortest first.
    ms: Vec<u64>,
}

/// A job is called slow only by the measure of at least so many earlier ones.
const ENOUGH: usize = 5;
/// And not before it has run so long, in ms: shorter delays are the machine's.
const NOTICEABLE_MS: u64 = 1000;
/// A smaller share tells nothing of the speed.
const LEAST_SHARE: f64 = 0.005;

impl PastRuns {
    /// The past of a tool of which `runs` jobs have completed, the last of them in `ms` each; `None` if
    /// there is none.
    pub fn new(runs: u64, mut ms: Vec<u64>) -> Option<Self> {
        ms.sort_unstable();
        (!ms.is_empty()).then_some(PastRuns { runs, ms })
    }

    /// How many jobs have completed.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Half of them ran no longer than this, in ms.
    pub fn median_ms(&self) -> u64 {
        self.quantile(0.5)
    }

    /// 95 % of them ran no longer than this, in ms.
    pub fn p95_ms(&self) -> u64 {
        self.quantile(0.95)
    }

    /// By the nearest-rank method: always a time that was measured.
    fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.ms.len() as f64).ceil() as usize;
        self.ms[rank.clamp(1, self.ms.len()) - 1]
    }

    /// What was left for half of those that were still running after `elapsed_ms`; `None` if none was.
    fn left_ms(&self, elapsed_ms: u64) -> Option<u64> {
        let longer = self.ms.partition_point(|ms| *ms <= elapsed_ms);
        let rest = &self.ms[longer..];
        Some(rest.get(rest.len().checked_sub(1)? / 2)? - elapsed_ms)
    }

    /// Whether a job that has run so long takes longer than 95 % of those before.
    pub fn is_slow(&self, elapsed_ms: u64) -> bool {
        self.ms.len() >= ENOUGH && elapsed_ms > NOTICEABLE_MS && elapsed_ms > self.p95_ms()
    }
}

/// How far a running job is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// How long the attempt has been running, in ms.
    pub elapsed_ms: u64,
    /// The share that is done, 0 to 1: of the stage, if it is in one.
    pub share: Option<f64>,
    /// How long the present stage has lasted, in ms.
    pub stage_ms: Option<u64>,
}

/// The time that a running job still needs, in ms; `None` where nothing tells.
///
/// The more is done the more its own speed counts, and the less what earlier jobs took. A stage's
/// speed tells nothing of the stages to come: there the past counts, and the stage is a lower bound.
pub fn eta_ms(now: Standing, past: Option<&PastRuns>) -> Option<u64> {
    let history = past.and_then(|past| past.left_ms(now.elapsed_ms));
    let share = now.share.filter(|share| *share >= LEAST_SHARE);
    let since = now.stage_ms.unwrap_or(now.elapsed_ms) as f64;
    let pace = share.map(|share| since * (1.0 - share.min(1.0)) / share);
    let eta = match (pace, history, share) {
        (Some(pace), Some(history), _) if now.stage_ms.is_some() => pace.max(history as f64),
        (Some(pace), Some(history), Some(share)) => share * pace + (1.0 - share) * history as f64,
        (Some(pace), ..) => pace,
        (None, Some(history), _) => history as f64,
        (None, None, _) => return None,
    };
    Some(eta.max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn past(ms: &[u64]) -> PastRuns {
        PastRuns::new(ms.len() as u64, ms.to_vec()).unwrap()
    }

    fn at(elapsed_ms: u64, share: f64) -> Standing {
        Standing {
            elapsed_ms,
            share: Some(share),
            stage_ms: None,
        }
    }

    #[test]
    fn quantiles_are_times_that_were_measured() {
        assert_eq!(PastRuns::new(0, vec![]), None);
        let one = past(&[7]);
        assert_eq!((one.median_ms(), one.p95_ms(), one.runs()), (7, 7, 1));
        let many = past(&(1..=100).rev().collect::<Vec<_>>());
        assert_eq!((many.median_ms(), many.p95_ms()), (50, 95));
    }

    #[test]
    fn without_a_past_the_pace_tells_and_without_progress_the_past() {
        assert_eq!(eta_ms(at(10_000, 0.25), None), Some(30_000));
        let quiet = Standing {
            elapsed_ms: 10_000,
            ..Standing::default()
        };
        assert_eq!(eta_ms(quiet, None), None);
        assert_eq!(eta_ms(quiet, Some(&past(&[40_000]))), Some(30_000));
        // Too early to tell the pace.
        assert_eq!(eta_ms(at(10_000, 0.001), None), None);
    }

    #[test]
    fn the_pace_counts_for_as_much_as_is_done() {
        let past = past(&[20_000]);
        // Ten seconds are left by the past, thirty by the pace.
        assert_eq!(eta_ms(at(10_000, 0.25), Some(&past)), Some(15_000));
        assert_eq!(eta_ms(at(10_000, 1.0), Some(&past)), Some(0));
    }

    #[test]
    fn a_job_that_outlasts_all_before_it_is_judged_by_its_pace_alone() {
        let past = past(&[1000, 2000]);
        assert_eq!(eta_ms(at(5000, 0.5), Some(&past)), Some(5000));
        let quiet = Standing {
            elapsed_ms: 5000,
            ..Standing::default()
        };
        assert_eq!(eta_ms(quiet, Some(&past)), None);
        // Only those that took longer than it has already tell what is left.
        assert_eq!(past.left_ms(1500), Some(500));
    }

    #[test]
    fn a_job_ends_neither_before_its_stage_nor_with_it() {
        let staged = Standing {
            elapsed_ms: 10_000,
            share: Some(0.5),
            stage_ms: Some(4000),
        };
        assert_eq!(eta_ms(staged, None), Some(4000));
        assert_eq!(eta_ms(staged, Some(&past(&[30_000]))), Some(20_000));
        assert_eq!(eta_ms(staged, Some(&past(&[11_000]))), Some(4000));
    }

    #[test]
    fn slow_is_longer_than_nearly_all_before_it() {
        let past = past(&[2000; 20]);
        assert!(!past.is_slow(2000) && past.is_slow(2001));
        assert!(!PastRuns::new(4, vec![2000; 4]).unwrap().is_slow(60_000));
        let short = PastRuns::new(9, vec![3; 9]).unwrap();
        assert!(!short.is_slow(900) && short.is_slow(1001));
    }

    proptest! {
        #[test]
        fn an_estimate_is_a_number_of_ms_and_never_negative(
            elapsed_ms in 0..u64::MAX,
            share in prop::option::of(prop_oneof![-1.0..2.0f64, Just(f64::NAN), Just(f64::INFINITY)]),
            stage_ms in prop::option::of(0..u64::MAX),
            past in prop::collection::vec(0..u64::MAX, 0..9),
        ) {
            let past = PastRuns::new(past.len() as u64, past);
            let _ = eta_ms(Standing { elapsed_ms, share, stage_ms }, past.as_ref());
        }
    }
}
