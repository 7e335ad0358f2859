//! The `tools/list` result as text, for those who want it without starting a server.

use rmcp::model::ListToolsResult;
use serde_json::Value;

use super::catalog::Catalog;
use super::names::JobTools;
use crate::tool::registry::Registry;

/// What a server with these tools answers to `tools/list`, byte for byte, in a session that began with
/// `initialize`.
///
/// # Errors
/// When two tools would have the same name.
pub fn list_of_tools(registry: &'static Registry, job_tools: JobTools) -> Result<String, String> {
    let catalog = Catalog::new(registry, job_tools)?;
    let result = ListToolsResult::with_all_items(catalog.tools().to_vec());
    let mut value = serde_json::to_value(result).map_err(|error| error.to_string())?;
    // Sessions of that kind do not know it, so the server leaves it out there.
    if let Value::Object(result) = &mut value {
        result.shift_remove("resultType");
    }
    Ok(value.to_string())
}
