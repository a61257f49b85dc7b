"""Where in an answer a value stands, which decides what would be a good one.

Rule: plain data, handed down from the whole to its parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rule_lm.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of one value."""

    message: Message
    name: str = ""
    """Of the property; of an array's item, that of the array."""
    ordinal: int = 0
    """How many properties of its kind come before it."""
    index: int | None = None
    """Which item of an array it is."""
    references: tuple[str, ...] = ()
    """The `$ref`s that led here."""
    sparing: bool = False
    """Whether to leave out what may be left out and was not mentioned."""

    @property
    def is_brief(self) -> bool:
        """Whether to say no more than must be said: as asked for, or because the schema goes round."""
        return self.sparing or len(set(self.references)) < len(self.references)

    def inside(
        self,
        references: tuple[str, ...],
        name: str,
        *,
        ordinal: int = 0,
        index: int | None = None,
        message: Message | None = None,
    ) -> Place:
        """Return the place of a property or item; `message` if it is about a part of the user's only."""
        return replace(
            self,
            references=references,
            name=name,
            ordinal=ordinal,
            index=index,
            message=message or self.message,
        )
