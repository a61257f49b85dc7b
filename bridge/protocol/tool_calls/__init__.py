"""Parsers of tool calls, by the names they have in the configuration."""
