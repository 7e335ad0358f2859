//! Durations, ages and sizes as people say them.

use std::time::{Duration, SystemTime};

/// A duration in s, with two units at most: `<0.1 s`, `0.4 s`, `31 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`.
pub fn span(seconds: f64) -> String {
    if seconds < 0.05 {
        return "<0.1 s".into();
    }
    if seconds < 9.95 {
        let tenths = (seconds.max(0.0) * 10.0).round() / 10.0;
        return format!("{tenths} s");
    }
    let whole = Duration::from_secs_f64(seconds.round().min(1e12)).as_secs();
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match () {
        () if whole < 60 => format!("{whole} s"),
        () if minutes < 60 => pair(minutes, "min", whole % 60, "s"),
        () if hours < 48 => pair(hours, "h", minutes % 60, "min"),
        () => pair(days, "d", hours % 24, "h"),
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// How long ago `at` (RFC 3339) was, in its largest unit: `12 s`, `3 min`, `5 h`, `2 d`.
pub fn age(at: &str, now: SystemTime) -> String {
    let Ok(at) = humantime::parse_rfc3339(at) else {
        return at.to_owned();
    };
    largest(now.duration_since(at).unwrap_or_default().as_secs())
}

/// A duration in s in its largest unit: `12 s`, `3 min`, `5 h`, `2 d`.
pub fn largest(whole: u64) -> String {
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..172_800 => format!("{} h", whole / 3600),
        _ => format!("{} d", whole / 86_400),
    }
}

/// A size in bytes, in powers of 1000: `512 B`, `4.1 KB`, `2.3 GB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// `1 job`, `3 jobs`.
pub fn count(number: u64, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        let said: Vec<String> = [0.0, 0.44, 9.96, 59.6, 125.0, 7200.0, 180_000.0]
            .map(span)
            .into();
        assert_eq!(
            said,
            [
                "<0.1 s",
                "0.4 s",
                "10 s",
                "1 min",
                "2 min 5 s",
                "2 h",
                "2 d 2 h"
            ]
        );
    }

    #[test]
    fn sizes_never_show_four_digits() {
        let said: Vec<String> = [999, 1000, 4_120, 999_600, 12_345_678].map(size).into();
        assert_eq!(said, ["999 B", "1.0 KB", "4.1 KB", "1.0 MB", "12 MB"]);
    }

    #[test]
    fn ages_have_one_unit_and_the_future_is_now() {
        let now = humantime::parse_rfc3339("2026-01-01T12:00:00Z").unwrap();
        assert_eq!(age("2026-01-01T11:57:00Z", now), "3 min");
        assert_eq!(age("2026-01-01T12:00:05Z", now), "0 s");
        assert_eq!(age("x", now), "x");
    }
}
