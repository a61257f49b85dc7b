"""Who gets the next request: the policies of `balancing.policy`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

T = TypeVar("T", bound="Hashable")


class Turns(Generic[T]):
    """Weighted turns, as evenly mixed as the weights allow: 2 and 1 give a b a, not a a b.

    Each turn adds everybody's weight to what he is owed, and who is owed most pays for all.
    """

    def __init__(self) -> None:
        self._owed: dict[T, float] = {}

    def next(self, weights: Mapping[T, float]) -> T:
        """Return whose turn it is.

        Args:
            weights: of those that may be chosen, each > 0; they may differ from turn to turn.
        """
        owed = self._owed
        for one, weight in weights.items():
            owed[one] = owed.get(one, 0.0) + weight
        chosen = max(weights, key=owed.__getitem__)
        owed[chosen] -= sum(weights.values())
        return chosen


def least_outstanding(weights: Mapping[T, float], outstanding: Callable[[T], int]) -> dict[T, float]:
    """Return those, with their weights, that would have the least for their weight with one request more."""
    loads = {one: (outstanding(one) + 1) / weight for one, weight in weights.items()}
    least = min(loads.values())
    return {one: weights[one] for one, load in loads.items() if load == least}
