//! Comparing JSON numbers, exactly where both are integers.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The order of two numbers; none where one is no number.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// The value of an integer, written as one or as an integral float (`30.0`), that fits 64 bits.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0; // 2^64
    let exact = value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from));
    exact.or_else(|| {
        value
            .as_f64()
            .filter(|n| n.fract() == 0.0 && n.abs() < LIMIT)
            .map(|n| n as i128)
    })
}

/// Whether `value` keeps the bounds among the keywords of `schema`; what is not a number has none.
pub(crate) fn within(schema: &Map<String, Value>, value: &Value) -> bool {
    let holds = |keyword: &str, allowed: fn(Ordering) -> bool| {
        schema
            .get(keyword)
            .and_then(|bound| compare(value, bound))
            .is_none_or(allowed)
    };
    !value.is_number()
        || (holds("minimum", Ordering::is_ge)
            && holds("maximum", Ordering::is_le)
            && holds("exclusiveMinimum", Ordering::is_gt)
            && holds("exclusiveMaximum", Ordering::is_lt))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_integers_compare_exactly() {
        assert_eq!(
            compare(&json!(u64::MAX), &json!(u64::MAX - 1)),
            Some(Ordering::Greater)
        );
        assert_eq!(compare(&json!(-1), &json!(u64::MAX)), Some(Ordering::Less));
        assert_eq!(compare(&json!(1.5), &json!(1)), Some(Ordering::Greater));
        assert_eq!(compare(&json!("1"), &json!(1)), None);
    }

    #[test]
    fn an_integral_float_is_an_integer() {
        assert_eq!(integer(&json!(30.0)), Some(30));
        for other in [json!(30.5), json!(1e300), json!("30"), json!(null)] {
            assert_eq!(integer(&other), None);
        }
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let bounds = json!({"minimum": 1, "exclusiveMaximum": 2.5});
        let within = |value| super::within(bounds.as_object().unwrap(), &value);
        assert!(within(json!(1)) && within(json!(2.4)) && within(json!("text")));
        assert!(!within(json!(0.99)) && !within(json!(2.5)));
    }
}
