"""What a test asks of a stand-in model, written in the prompt: `@@` and a JSON object.

The prompt is the one channel that survives chat templates and leaves sampling parameters strict.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MARKER = "@@"


@dataclass(frozen=True, kw_only=True)
class Directive:
    """One behaviour; README.md tells what each key does."""

    tag: str = ""
    text: str | None = None
    pieces: tuple[str, ...] | None = None
    words: int | None = None
    cut_bytes: int | None = None
    prepare_ms: float = 0
    miss_stops: bool = False
    first_delay_ms: float = 0
    delay_ms: float = 0
    end_delay_ms: float = 0
    fail_at: int | None = None
    error: str = "Error generating stream: scripted failure"
    error_final: bool = True
    raises: bool = False
    hang_at: int | None = None
    crash_at: int | None = None
    final: str | None = None
    finish: str = "stop"
    input_tokens: int | None = None
    ignore_cancel: bool = False
    begun: int = 0

    def reply(self, prompt: str) -> list[bytes]:
        """Return the pieces of the answer, one per response: those asked for, or the words of the prompt."""
        if self.pieces is not None:
            pieces = list(self.pieces)
        elif self.words is not None:
            pieces = [f"word{number} " for number in range(self.begun, self.words)]
        else:
            pieces = re.findall(r"\s*\S+\s*$|\s*\S+|\s+", prompt if self.text is None else self.text)
        if self.cut_bytes is None:
            return [piece.encode() for piece in pieces]
        whole = "".join(pieces).encode()
        return [whole[start : start + self.cut_bytes] for start in range(0, len(whole), self.cut_bytes)]


def parse(prompt: str) -> tuple[Directive, str]:
    """Return the last directive of the prompt and the prompt without it; no marker, no wish.

    Raises:
        ValueError, TypeError: what follows the marker is not an object of known keys: a mistake in the test.
    """
    before, marker, after = prompt.rpartition(MARKER)
    if not marker:
        return Directive(), prompt
    wishes, end = json.JSONDecoder().raw_decode(after)
    if "pieces" in wishes:
        wishes["pieces"] = tuple(wishes["pieces"])
    begun = len(re.findall(r"word\d+ ", after[end:]))
    return Directive(begun=begun, **wishes), before + after[end:]
