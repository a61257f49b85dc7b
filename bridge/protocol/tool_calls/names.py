"""Names of functions and parameters where only what follows tells whether they are some.

Text that is longer than a name is none: it is not waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import re

    from bridge.protocol.source import Source, Steps

LONGEST: Final = 256
"""Characters of a name or key. OpenAI allows 64; servers of tools put prefixes before theirs."""

NO_NAMES: Final = ".:/-"
"""Characters of names that none begins with: `...` stands for one in prose about a format."""


def is_name(text: str) -> bool:
    """Return whether text made of the characters of names is one."""
    return bool(text) and text[0] not in NO_NAMES


def short_run(source: Source, pattern: re.Pattern[str], end: str) -> Steps[tuple[str, bool]]:
    """Read what `pattern`, a run of single characters, matches, and the character `end` after it.

    Returns what was read before `end`, and whether that came; what is longer than `LONGEST` is not read on.
    """
    text = ""
    while True:
        stop = pattern.match(source.text, source.at).end()  # type: ignore[union-attr]  # it may be empty
        text += source.take(min(stop, source.at + LONGEST + 1 - len(text)))
        if len(text) > LONGEST:
            return text, False
        if source.next_character() or source.ended:
            break
        yield
    found = source.next_character() == end
    source.take(source.at + found)
    return text, found
