//! Background jobs for MCP servers.
