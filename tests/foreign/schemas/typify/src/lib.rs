//! The types that typify wrote, compiled.

#![allow(clippy::all, dead_code, missing_docs, irrefutable_let_patterns)]

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

#[cfg(test)]
mod tests {
    use super::torture_draft_07_enums_input::EnumsInput;
    use super::torture_draft_07_recursion_input::RecursionInput;

    fn reads<T: serde::de::DeserializeOwned + serde::Serialize>(text: &str) {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let read: T = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }

    #[test]
    fn enums_of_every_tagging_are_read_and_written_back() {
        reads::<EnumsInput>(
            r#"{"shape": {"kind": "box", "width": 1.5, "height": 2.5}, "tank": {"Cylinder": {"height": 3.5}},
                "beside": {"t": "Number", "c": -3}, "amount": {"cells": 4}, "mixing": "gas-lift",
                "maybe": {"kind": "empty"}}"#,
        );
        assert!(serde_json::from_str::<EnumsInput>(r#"{"tank": "NotBuilt"}"#).is_err());
    }

    #[test]
    fn recursive_types_are_read_and_written_back() {
        reads::<RecursionInput>(
            r#"{"root": {"name": "a", "links": {"up": {"name": "b", "links": {}}},
                "children": [{"name": "c", "links": {}}]}}"#,
        );
    }
}
