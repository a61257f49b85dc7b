"""The markers that DeepSeek's models have in common: words between full-width bars, joined by U+2581.

Elsewhere in the documentation they are written with ordinary bars and underscores.
"""

from __future__ import annotations

from typing import Final


def _marker(words: str) -> str:
    return f"<\uff5c{words.replace(' ', chr(0x2581))}\uff5c>"


SECTION: Final = _marker("tool calls begin")
SECTION_END: Final = _marker("tool calls end")
CALL: Final = _marker("tool call begin")
CALL_END: Final = _marker("tool call end")
SEPARATOR: Final = _marker("tool sep")
