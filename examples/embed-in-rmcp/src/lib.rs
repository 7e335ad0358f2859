//! A workshop's MCP server, written with rmcp before it had background jobs, and one slow function.
//!
//! `src/bin/decorated.rs` adds the jobs around the handler; `src/bin/merged.rs` merges them into the
//! router. Both leave the server's own tools as they are.

use bgjob_runtime::{Job, background_tool};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    Implementation, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server as it was: two quick tools, answered at once, and a resource.
#[derive(Clone, Debug, Default)]
pub struct Workshop;

/// A rectangular plate.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Plate {
    /// Width, in mm.
    pub width_mm: f64,
    /// Height, in mm.
    pub height_mm: f64,
    /// Thickness, in mm.
    pub thickness_mm: f64,
}

/// What everybody in the workshop has to know.
const RULES: &str = "workshop://rules";

/// Density of steel, in kg/mm³.
const STEEL: f64 = 7.85e-6;

#[tool_router]
impl Workshop {
    /// Weighs a steel plate, in kg.
    #[tool]
    fn weigh(&self, Parameters(plate): Parameters<Plate>) -> String {
        let kg = plate.width_mm * plate.height_mm * plate.thickness_mm * STEEL;
        format!("{kg:.3}")
    }

    /// Lists the machines.
    #[tool]
    fn machines(&self) -> String {
        "mill, lathe, laser".to_owned()
    }
}

#[tool_handler(router = Self::tool_router())]
impl ServerHandler for Workshop {
    fn get_info(&self) -> ServerConfig {
        let mut info = describe();
        info.capabilities.resources = Some(Default::default());
        info
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let rules = Resource::new(RULES, "rules").with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![rules]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != RULES {
            return Err(ErrorData::resource_not_found("no such rules", None));
        }
        let rules = ResourceContents::text("Wear goggles.", RULES);
        Ok(ReadResourceResult::new(vec![rules]).into())
    }
}

/// What the server says of itself.
pub fn describe() -> ServerConfig {
    ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(Implementation::new("workshop", env!("CARGO_PKG_VERSION")))
        .with_instructions("Plans work on steel plates.")
}

/// A cutting order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Order {
    /// Positions of the holes in the order in which they are cut, counted from 0.
    pub holes: Vec<usize>,
    /// Way of the tool between them, in mm.
    pub way_mm: f64,
}

/// A hole.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Hole {
    /// From the left edge, in mm.
    pub x_mm: f64,
    /// From the lower edge, in mm.
    pub y_mm: f64,
}

/// Finds a short way over the holes of a plate: from each to the nearest, then with crossings undone
/// until none is left.
#[background_tool(timeout = "10m")]
pub fn order_cuts(
    job: &Job,
    /// The holes.
    holes: Vec<Hole>,
    /// Position of the hole to begin with, counted from 0.
    #[arg(default = 0)]
    first: usize,
) -> Result<Order, String> {
    if first > 0 && first >= holes.len() {
        return Err(format!(
            "there is no hole {first}: the plate has {}",
            holes.len()
        ));
    }
    let mut order = nearest_first(&holes, first);
    job.phase("undoing crossings");
    while undo_a_crossing(&holes, &mut order) {}
    Ok(Order {
        way_mm: order.windows(2).map(|w| way(&holes, w[0], w[1])).sum(),
        holes: order,
    })
}

fn way(holes: &[Hole], from: usize, to: usize) -> f64 {
    (holes[from].x_mm - holes[to].x_mm).hypot(holes[from].y_mm - holes[to].y_mm)
}

fn nearest_first(holes: &[Hole], first: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..holes.len()).filter(|hole| *hole != first).collect();
    let mut order: Vec<usize> = holes.get(first).map(|_| first).into_iter().collect();
    while let Some(&last) = order.last() {
        let nearest = (0..left.len())
            .min_by(|&a, &b| way(holes, last, left[a]).total_cmp(&way(holes, last, left[b])));
        match nearest {
            Some(index) => order.push(left.swap_remove(index)),
            None => break,
        }
    }
    order
}

/// Turns a stretch of the way round where that shortens it; false when no stretch does (2-opt).
fn undo_a_crossing(holes: &[Hole], order: &mut [usize]) -> bool {
    // Shorter by less than this is rounding.
    const NOTHING: f64 = 1e-9;
    for first in 0..order.len().saturating_sub(2) {
        for last in first + 1..order.len() - 1 {
            let (a, b) = (order[first], order[first + 1]);
            let (c, d) = (order[last], order[last + 1]);
            let now = way(holes, a, b) + way(holes, c, d);
            let turned = way(holes, a, c) + way(holes, b, d);
            if turned + NOTHING < now {
                order[first + 1..=last].reverse();
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_undone_and_every_hole_is_cut_once() {
        let corner = |x_mm, y_mm| Hole { x_mm, y_mm };
        let holes = vec![
            corner(0.0, 0.0),
            corner(9.0, 9.0),
            corner(9.0, 0.0),
            corner(0.0, 9.0),
        ];
        for first in 0..4 {
            let order = order_cuts(&Job::test(), holes.clone(), first).unwrap();
            assert_eq!((order.way_mm, order.holes[0]), (27.0, first));
            let mut cut = order.holes.clone();
            cut.sort_unstable();
            assert_eq!(cut, [0, 1, 2, 3]);
        }
        assert!(order_cuts(&Job::test(), holes, 4).is_err());
        let none = order_cuts(&Job::test(), Vec::new(), 0).unwrap();
        assert!(none.holes.is_empty());
    }
}
