"""Parsers of reasoning, by the names they have in the configuration."""
