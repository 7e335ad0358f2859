//! Files that a tool makes beside its result: their names and kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file that a job's tool made with `job.artifact("name")`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactView {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// What its name says that it is (RFC 6838).
    pub mime_type: String,
}

/// Whether `name` is a plain file name: at most 255 bytes, no leading dot, no separator, no control
/// character.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name
            .chars()
            .any(|c| c == '/' || c == '\\' || c.is_control())
}

/// What a file of that name holds. Only what people and models look at is told apart.
pub fn mime_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        _ => "application/octet-stream",
    }
}

/// Whether MCP clients show a file of that type as an image: SVG, which is a program, is not among them.
pub fn is_image(mime_type: &str) -> bool {
    ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_file_names() {
        for good in ["plot.svg", "a b.txt", "ä.png", "x"] {
            assert!(is_name(good), "{good}");
        }
        let long = "a".repeat(256);
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "a\n", &long] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_kind_is_told_by_the_extension() {
        assert_eq!(mime_type("a.PNG"), "image/png");
        assert_eq!(mime_type("png"), "application/octet-stream");
        assert!(is_image(mime_type("a.jpeg")) && !is_image(mime_type("a.svg")));
    }
}
