//! Anaerobic digester design.
fn main() {}
