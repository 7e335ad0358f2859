//! Progress, artifacts and cancellation.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn real_job(dir: &Path) -> Job {
    Job::new(
        JobId::new("size", crate::sys::random_bytes()),
        2,
        "n0nce".to_owned(),
        dir.to_owned(),
        String::new(),
    )
}

fn written(dir: &Path) -> Option<Progress> {
    let text = std::fs::read(dir.join("progress.json")).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

#[test]
fn the_first_and_the_last_step_are_written_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let job = real_job(dir.path());
    assert_eq!(written(dir.path()), None);
    job.progress(0, 1_000_000, "start");
    let first = written(dir.path()).unwrap();
    assert_eq!(
        (first.attempt, first.nonce.as_str(), first.done),
        (2, "n0nce", Some(0.0))
    );
    job.progress(1_000_000, 1_000_000, "end");
    let last = written(dir.path()).unwrap();
    assert_eq!(
        (last.progress, last.message.as_deref()),
        (Some(1.0), Some("end"))
    );
    assert!(last.at_ms >= first.at_ms && first.at_ms > 0);
    let mode = std::fs::metadata(dir.path().join("progress.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A message that counts how often it is made.
struct Counted<'a>(&'a AtomicU64);

impl std::fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        f.write_str("step")
    }
}

#[test]
fn steps_in_between_are_written_ten_times_a_second_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let job = real_job(dir.path());
    let made = AtomicU64::new(0);
    let begun = Instant::now();
    let mut steps = 0u64;
    while begun.elapsed() < INTERVAL * 3 {
        steps += 1;
        job.progress(steps, u64::MAX, Counted(&made));
    }
    let intervals = begun.elapsed().as_millis() / INTERVAL.as_millis();
    let made = made.load(Ordering::Relaxed);
    assert!(
        made >= 2 && u128::from(made) <= intervals + 1,
        "{made} of {steps} in {intervals}"
    );
    assert!(steps > 1000, "{steps}");
}

#[test]
fn phases_and_notes_are_written_when_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let job = real_job(dir.path());
    job.progress(1, 4, "");
    job.phase("mesh");
    let first = written(dir.path()).unwrap();
    assert_eq!(
        (first.phase.as_deref(), first.progress),
        (Some("mesh"), None),
        "the share of the stage before says nothing of this one"
    );
    job.note("coarse");
    assert_eq!(written(dir.path()).unwrap().note.as_deref(), Some("coarse"));
    std::fs::remove_file(dir.path().join("progress.json")).unwrap();
    job.phase("mesh");
    job.note("coarse");
    assert_eq!(written(dir.path()), None, "nothing new to write");
    job.phase("solve");
    let second = written(dir.path()).unwrap();
    assert!(second.phase_started_at_ms >= first.phase_started_at_ms);
    assert_eq!(second.note.as_deref(), Some("coarse"));
}

#[test]
fn odd_counts_give_a_share_between_0_and_1_or_none() {
    assert_eq!(share(5.0, 4.0), Some(1.0));
    assert_eq!(share(-1.0, 4.0), Some(0.0));
    assert_eq!(share(0.0, 0.0), Some(1.0));
    assert_eq!(share(f64::NAN, 1.0), None);
    assert_eq!(share(1.0, f64::INFINITY), Some(0.0));
    let job = Job::test();
    job.progress(f64::NAN, 1.0, "");
    let seen = job.progress_seen();
    assert_eq!(
        (seen[0].progress, seen[0].done, seen[0].total),
        (None, None, Some(1.0))
    );
}

#[test]
fn progress_that_cannot_be_written_fails_nothing() {
    let job = real_job(Path::new("/nonexistent/job"));
    job.progress(1, 2, "still running");
    job.phase("second");
    assert!(job.inner.reported.load(Ordering::Relaxed));
}

#[test]
fn artifacts_have_plain_names_in_a_private_directory() {
    let job = Job::test();
    let plot = job.artifact("plot 1.svg").unwrap();
    std::fs::write(&plot, "<svg/>").unwrap();
    assert_eq!(job.artifact("plot 1.svg").unwrap(), plot);
    let folder = plot.parent().unwrap();
    assert_eq!(
        std::fs::metadata(folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let long = "x".repeat(256);
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a\0",
        "a\n",
        ".hidden",
        &long,
    ] {
        assert_eq!(
            job.artifact(name).unwrap_err().code,
            Code::InvalidArgument,
            "{name:?}"
        );
    }
}

#[test]
fn a_test_job_is_seen_through_and_leaves_nothing() {
    let job = Job::test();
    for day in 1..=50 {
        job.progress(day, 50, format_args!("day {day}"));
    }
    let seen = job.progress_seen();
    assert_eq!(seen.len(), 50);
    assert_eq!(seen[41].message.as_deref(), Some("day 42"));
    let dir = job.dir().to_owned();
    let clone = job.clone();
    drop(job);
    assert!(dir.is_dir());
    drop(clone);
    assert!(!dir.exists());
}

#[tokio::test]
async fn a_test_job_can_be_cancelled() {
    let job = Job::test();
    assert!(!job.is_cancelled());
    let waiter = job.clone();
    let ended = tokio::spawn(async move { waiter.cancelled().await });
    job.cancel();
    ended.await.unwrap();
    assert!(job.is_cancelled());
    job.cancelled().await;
}
