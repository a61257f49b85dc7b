r"""`<think>...</think>`: DeepSeek-R1 and its distillates, Qwen3, GLM-4.5 and many others.

Chat templates write the opening tag at the end of the prompt (DeepSeek-R1, Qwen3-Thinking-2507), leave it to
the model (Qwen3, GLM-4.5), or write both where reasoning is switched off (`<think>\n\n</think>`).
Neither tag is a special token in these vocabularies, so engines do not leave them out.
"""

from __future__ import annotations

from typing import ClassVar

from bridge.protocol.reasoning.tags import TaggedParser


class ThinkParser(TaggedParser):
    """Reads reasoning in `<think>` tags."""

    tags: ClassVar = {"<think>": ("</think>",)}
