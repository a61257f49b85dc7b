"""Logs and metrics: facts about requests, never what was asked or answered."""
