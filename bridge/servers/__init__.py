"""Doors: they accept requests, call handlers, and turn errors into their own wire's form."""
