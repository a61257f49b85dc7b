"""A model that answers by rules: calls of the functions offered, JSON for the schema asked for.

Rule: nothing in this package knows Triton. The same prompt and constraint always get the same answer.
"""
