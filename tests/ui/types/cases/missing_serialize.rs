//! A result that cannot be written.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[derive(schemars::JsonSchema)]
struct Mesh;

#[background_tool]
fn plain() -> Mesh {
    Mesh
}

#[background_tool]
async fn fallible() -> Result<Mesh, String> {
    Ok(Mesh)
}

fn main() {}
