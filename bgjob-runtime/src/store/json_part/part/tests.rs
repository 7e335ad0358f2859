//! Pages and outlines against what serde_json makes of the same text.

use proptest::prelude::*;
use serde_json::json;

use super::super::tests::{Drip, airy, value};
use super::*;

fn want(pointer: &str) -> Want<'_> {
    Want {
        pointer,
        offset: 0,
        count: None,
        budget: 1000,
    }
}

fn part(value: &Value, want: Want<'_>) -> Part {
    read(value.to_string().as_bytes(), want).unwrap().unwrap()
}

fn shown(part: &Part) -> Value {
    match &part.shown {
        Shown::Whole(json) | Shown::Page(json, _) => serde_json::from_str(json.get()).unwrap(),
        Shown::TooLarge(_) => panic!("nothing shown"),
    }
}

#[test]
fn a_small_value_comes_whole() {
    let value = json!({"a": [1, {"b": "x"}], "n": null});
    for pointer in ["", "/a", "/a/1", "/a/1/b", "/n"] {
        let part = part(&value, want(pointer));
        assert!(matches!(part.shown, Shown::Whole(_)), "{pointer}");
        assert_eq!(Some(&shown(&part)), value.pointer(pointer));
    }
    assert_eq!(part(&value, want("")).bytes, value.to_string().len() as u64);
}

#[test]
fn a_value_of_just_the_budget_comes_whole() {
    let value = json!({"a": [1, 2, {"b": "x"}]});
    let bytes = value.to_string().len();
    for (budget, whole) in [(bytes, true), (bytes - 1, false)] {
        let part = part(&value, Want { budget, ..want("") });
        assert_eq!(matches!(part.shown, Shown::Whole(_)), whole, "{budget}");
    }
}

#[test]
fn a_large_array_comes_in_pages_that_fit() {
    let value = json!({"series": (0..5000).collect::<Vec<_>>()});
    let first = part(&value, want("/series"));
    let Shown::Page(json, page) = &first.shown else {
        panic!("{first:?}")
    };
    assert!(json.get().len() <= 1000 && json.get().len() > 980);
    assert_eq!((page.offset, page.total), (0, 5000));
    let next = Want {
        offset: page.next_offset.unwrap(),
        count: Some(3),
        ..want("/series")
    };
    let second = part(&value, next);
    assert_eq!(
        shown(&second),
        json!([page.count, page.count + 1, page.count + 2])
    );
    let last = part(
        &value,
        Want {
            offset: 4999,
            ..want("/series")
        },
    );
    let Shown::Page(_, page) = &last.shown else {
        panic!("{last:?}")
    };
    assert_eq!((page.count, page.next_offset), (1, None));
}

#[test]
fn a_page_beyond_the_end_is_empty() {
    let value = json!([1, 2]);
    let part = part(
        &value,
        Want {
            offset: 7,
            ..want("")
        },
    );
    assert_eq!(shown(&part), json!([]));
}

#[test]
fn an_item_larger_than_the_budget_is_named_and_not_shown() {
    let value = json!(["x".repeat(2000), 1]);
    let part = part(&value, want(""));
    let Shown::TooLarge(page) = part.shown else {
        panic!("{part:?}")
    };
    assert_eq!(
        (page.offset, page.count, page.total, page.next_offset),
        (0, 0, 2, Some(0))
    );
}

#[test]
fn the_outline_lists_two_levels_with_sizes() {
    let value = json!({"summary": {"ph": 7.1, "ok": true}, "time_series": [{"day": 1, "flow": 2}, {"day": 2}], "note": "ä".repeat(2000)});
    let outline = part(&value, want("")).outline;
    let wanted = json!({
        "/summary": "object(2)", "/time_series": "array(2)", "/note": "string(2000)",
        "/summary/ph": "number", "/summary/ok": "boolean", "/time_series/0": "object(2)"});
    assert_eq!(Value::Object(outline), wanted);
    let below = part(&value, want("/time_series")).outline;
    assert_eq!(below["/time_series/0/day"], "number");
}

#[test]
fn an_outline_of_a_million_names_stays_short() {
    let members: Map<String, Value> = (0..100_000)
        .map(|n| (format!("k{n}"), json!({"a": n})))
        .collect();
    let outline = part(&Value::Object(members), want("")).outline;
    assert_eq!(outline["…"], "99960 more");
    assert!(Value::Object(outline).to_string().len() < 6000);
}

#[test]
fn a_pointer_that_leaves_the_document_says_where() {
    let value = json!({"a": {"days": 1, "flow": 2}, "s": [1]});
    let miss = |pointer| {
        read(value.to_string().as_bytes(), want(pointer))
            .unwrap()
            .unwrap_err()
    };
    let missing = miss("/a/dayz");
    assert_eq!(
        (missing.depth, missing.names.as_slice()),
        (1, &["days".to_owned(), "flow".to_owned()][..])
    );
    assert_eq!((miss("/s/4").count, miss("/s/4").array), (1, true));
    assert_eq!(miss("/a/days/x").depth, 2);
}

proptest! {
    #[test]
    fn pages_of_any_array_put_together_are_the_array(items in prop::collection::vec(".{0,20}", 0..60), budget in 130usize..400) {
        let value = json!(items);
        let mut collected = Vec::new();
        let mut offset = 0;
        loop {
            let part = part(&value, Want { offset, budget, ..want("") });
            let page: Vec<Value> = serde_json::from_value(shown(&part)).unwrap();
            collected.extend(page);
            match part.shown {
                Shown::Page(_, PageView { next_offset: Some(next), .. }) => offset = next,
                _ => break,
            }
        }
        prop_assert_eq!(Value::Array(collected), value);
    }

    #[test]
    fn pages_of_any_object_put_together_are_the_object(members in prop::collection::hash_map(".{0,8}", 0i32..1000, 0..40), count in 1u64..9) {
        let value = json!(members);
        let total = members.len() as u64;
        let mut collected = Map::new();
        for offset in (0..total).step_by(count as usize) {
            let part = part(&value, Want { offset, count: Some(count), ..want("") });
            let Value::Object(page) = shown(&part) else { panic!() };
            collected.extend(page);
        }
        prop_assert_eq!(Value::Object(collected), value);
    }

    #[test]
    fn any_page_of_anything_is_the_same_wherever_the_buffer_ends(items in prop::collection::vec(value(), 0..20), named: bool,
        offset in 0u64..22, count in prop::option::of(0u64..22), budget in 0usize..3000, few in 1usize..60) {
        let inner = if named {
            items.iter().enumerate().map(|(n, item)| (format!("k\u{e4}{n}"), item.clone())).collect::<Map<_, _>>().into()
        } else {
            Value::from(items.clone())
        };
        let value = json!({"a": [1, {"b": 2}], "rows": inner});
        let text = airy(&value);
        let want = Want { pointer: "/rows", offset, count, budget };
        let dense = read(value.to_string().as_bytes(), want).unwrap().unwrap();
        prop_assert_eq!(dense.bytes, value["rows"].to_string().len() as u64);
        let total = items.len() as u64;
        prop_assert_eq!(dense.shape, if named { Shape::Object(total) } else { Shape::Array(total) });
        let (from, to) = (offset.min(total), count.map_or(total, |n| (offset + n).min(total)));
        if let (false, Shown::Page(json, page)) = (named, &dense.shown) {
            let to = to.min(offset + page.count).max(from);
            let wanted: Vec<String> = items[from as usize..to as usize].iter().map(Value::to_string).collect();
            prop_assert_eq!(json.get(), format!("[{}]", wanted.join(",")));
        }
        if let (0, None) = (offset, count) {
            prop_assert_eq!(matches!(dense.shown, Shown::Whole(_)), dense.bytes <= budget as u64);
        }
        for few in [few, usize::MAX] {
            let found = read(Drip(&text, few), want).unwrap().unwrap();
            prop_assert_eq!(format!("{found:?}"), format!("{dense:?}"));
        }
    }

    #[test]
    fn any_outline_is_the_same_wherever_the_buffer_ends(value in value(), few in 1usize..60) {
        let dense = part(&value, want(""));
        let found = read(Drip(&airy(&value), few), want("")).unwrap().unwrap();
        prop_assert_eq!(format!("{found:?}"), format!("{dense:?}"));
    }

    #[test]
    fn pages_of_any_text_put_together_are_the_text(text in ".{0,400}", budget in 8usize..100) {
        let value = json!(text);
        let mut collected = String::new();
        let mut offset = 0;
        loop {
            let part = part(&value, Want { offset, budget, ..want("") });
            collected.push_str(shown(&part).as_str().unwrap());
            match part.shown {
                Shown::Page(_, PageView { next_offset: Some(next), .. }) => offset = next,
                _ => break,
            }
        }
        prop_assert_eq!(collected, text);
    }
}
