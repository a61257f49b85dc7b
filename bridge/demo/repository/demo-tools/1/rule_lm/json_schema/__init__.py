"""A value for a JSON Schema: candidates are made by simple rules, and only one that is valid is taken.

So a rule that is too simple costs an error, never a wrong answer. Understood is what JSON Schema 2020-12 and
draft 7 share with what SDKs send; a keyword that demands more is refused by name.

Rule: schemas and plain JSON values; what the user said comes in as hints.
"""
