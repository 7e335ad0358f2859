//! The `#[background_tool]` attribute.
