"""The OpenAPI document of the HTTP door, made from the descriptors and the tables of reader and writer.

Nothing here decides what is accepted or written: where the document says something, a table says it first.
"""

from bridge.protocol.openapi.document import document, render

__all__ = ["document", "render"]
