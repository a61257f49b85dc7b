"""`[THINK]...[/THINK]`: Magistral since 2507 and Ministral 3; `<think>...</think>`: the first Magistral."""

from __future__ import annotations

from typing import ClassVar

from bridge.protocol.reasoning.tags import TaggedParser


class MistralParser(TaggedParser):
    """Reads reasoning in Mistral's tags."""

    special_tokens = True
    tags: ClassVar = {"[THINK]": ("[/THINK]",), "<think>": ("</think>",)}
