//! A JSON text to read parts of.

use std::fmt::Write as _;

/// `{"rows": […]}` of at least so many bytes.
pub fn rows(bytes: usize) -> Vec<u8> {
    let mut text = String::from("{\"rows\":[");
    for index in 0.. {
        let _ = write!(
            text,
            "{{\"index\":{index},\"name\":\"row {index}\",\"values\":[{index}.5,-1e-3,0.125],\"kept\":true}}"
        );
        if text.len() >= bytes {
            break;
        }
        text.push(',');
    }
    text.push_str("]}");
    text.into_bytes()
}

/// How many rows it has.
pub fn count(text: &[u8]) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(text).expect("JSON");
    value["rows"].as_array().expect("rows").len() as u64
}
