//! Names, typed pairs and collisions.

use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::*;
use crate::tool::arg::arg;
use crate::tool::spec::{Body, ToolSpec};

const BODY: Body = Body::Sync(|call| call.output(&0u8));

fn text() -> Signature {
    Signature::new(output::<String>())
}

static SIZE: ToolSpec = ToolSpec::new("size", "a.rs:1", text, BODY);
static SIZE_STATUS: ToolSpec = ToolSpec::new("size_status", "b.rs:2", text, BODY);

fn catalog(specs: [&'static ToolSpec; 2], job_tools: JobTools) -> Result<Catalog, String> {
    // Catalogs refer to registries that live as long as the program.
    let registry = Box::leak(Box::new(Registry::from_specs(specs).unwrap()));
    Catalog::new(registry, job_tools)
}

#[test]
fn typed_pairs_take_the_place_of_the_shared_ones() {
    static REPORT: ToolSpec = ToolSpec::new("report", "c.rs:3", text, BODY);
    let shared = catalog([&SIZE, &REPORT], JobTools::Shared).unwrap();
    assert!(shared.tool("get_job_status").is_some() && shared.tool("size_status").is_none());
    let typed = catalog([&SIZE, &REPORT], JobTools::PerTool).unwrap();
    assert!(typed.tool("get_job_status").is_none() && typed.tool("list_jobs").is_some());
    for name in [
        "size_status",
        "size_results",
        "report_status",
        "report_results",
    ] {
        let schema = typed.tool(name).unwrap().output_schema.clone().unwrap();
        assert_eq!(schema["properties"]["result"]["type"], "string", "{name}");
    }
    let start = typed.tool("size").unwrap().description.clone().unwrap();
    assert!(start.ends_with("then call size_status."), "{start}");
    assert!(matches!(
        typed.find("size_status"),
        Some((Kind::Status(Some("size")), Some(_)))
    ));
}

#[test]
fn a_typed_pair_may_not_hide_a_tool() {
    assert!(catalog([&SIZE, &SIZE_STATUS], JobTools::Shared).is_ok());
    let clash = catalog([&SIZE, &SIZE_STATUS], JobTools::PerTool).unwrap_err();
    assert!(
        clash.contains("two tools are named `size_status`"),
        "{clash}"
    );
}

#[test]
fn a_typed_call_takes_jobs_of_its_tool_alone() {
    let id = crate::job::id::JobId::new("report", crate::sys::random_bytes());
    assert!(Names(JobTools::PerTool).check(Some("report"), &id).is_ok());
    let refused = Names(JobTools::PerTool)
        .check(Some("size"), &id)
        .unwrap_err();
    assert_eq!(
        refused.remedy.as_deref(),
        Some("Call report_status instead.")
    );
}

/// Counts how often its schema is made.
#[derive(Serialize, Deserialize)]
struct Counted;

static MADE: AtomicUsize = AtomicUsize::new(0);

impl JsonSchema for Counted {
    fn schema_name() -> Cow<'static, str> {
        "Counted".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        MADE.fetch_add(1, Ordering::Relaxed);
        json_schema!({"type": "null"})
    }
}

#[test]
fn a_schema_is_made_once_it_is_asked_for() {
    fn counted() -> Signature {
        Signature::new(output::<Counted>()).arg(arg::<Counted>("x"))
    }
    static COUNTED: ToolSpec = ToolSpec::new("counted", "d.rs:4", counted, BODY);
    let made = || MADE.load(Ordering::Relaxed);
    let catalog = catalog([&SIZE, &COUNTED], JobTools::PerTool).unwrap();
    assert!(catalog.has("counted") && catalog.find("counted").is_some());
    assert!(catalog.tool("size").is_some() && catalog.tool("size_status").is_some());
    assert_eq!(made(), 0, "nobody asked for it");
    assert!(catalog.tool("counted").is_some());
    let one = made();
    assert!(one > 0);
    let listed = catalog.tools();
    assert!(listed.iter().map(|tool| &*tool.name).eq(catalog.names()));
    assert_eq!(made(), one, "the list makes it anew");
}
