//! What a read is answered with. One content is the whole of what its URI names. A part has the URI
//! of that part, and after it comes what it is a part of, with the URI of the next.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rmcp::model::{CacheScope, MetaObject, ReadResourceResult, ResourceContents};
use serde_json::{Map, Value};

/// What is kept unchanged until it is deleted may be cached for so long, in ms.
const LASTING_MS: u64 = 3_600_000;
/// Where programs find the URI of the next part.
const NEXT: &str = "io.github.bgjob/next";
pub const JSON: &str = "application/json";

/// The contents of an answer.
#[derive(Debug, Default)]
pub struct Reply {
    contents: Vec<ResourceContents>,
    next: Option<String>,
    lasting: bool,
}

impl Reply {
    /// Adds text under the URI of what it is.
    #[must_use]
    pub fn text(mut self, uri: String, mime_type: &str, text: impl Into<String>) -> Self {
        let content = ResourceContents::text(text, uri).with_mime_type(mime_type);
        self.contents.push(content);
        self
    }

    /// Adds bytes under the URI of what they are.
    #[must_use]
    pub fn bytes(mut self, uri: String, mime_type: &str, bytes: &[u8]) -> Self {
        let content = ResourceContents::blob(BASE64_STANDARD.encode(bytes), uri);
        self.contents.push(content.with_mime_type(mime_type));
        self
    }

    /// Adds what the content before is a part of, under the URI that would tell that alone.
    #[must_use]
    pub fn guide(
        mut self,
        uri: String,
        mut facts: Map<String, Value>,
        next: Option<String>,
    ) -> Self {
        if let Some(next) = &next {
            facts.insert("next".into(), next.as_str().into());
        }
        self.next = next;
        self.text(uri, JSON, Value::Object(facts).to_string())
    }

    /// What was said will not change, but for being deleted.
    #[must_use]
    pub fn lasting(mut self, lasting: bool) -> Self {
        self.lasting = lasting;
        self
    }

    /// The answer, for a client that `caches` (SEP-2549). What it says is one user's: nobody else may be
    /// shown a copy.
    pub fn into_result(self, caches: bool) -> ReadResourceResult {
        let mut result = ReadResourceResult::new(self.contents);
        if caches {
            result.ttl_ms = Some(if self.lasting { LASTING_MS } else { 0 });
            result.cache_scope = Some(CacheScope::Private);
        }
        result.meta = self.next.map(|next| {
            let mut meta = MetaObject::default();
            meta.0.insert(NEXT.into(), next.into());
            meta
        });
        result
    }
}
