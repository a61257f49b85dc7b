"""Large protobuf messages that this process holds, to see that a prompt is let go of."""

from __future__ import annotations

import gc

from google.protobuf.message import Message


class LargeMessages:
    """Those that there are when this is made are of other tests, which failed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._others = self._found()

    def kept(self) -> list[str]:
        """Return the types of the messages of more than `size` bytes that came since and are still there."""
        gc.collect()
        return [
            type(one).__name__ for one in self._found() if all(one is not other for other in self._others)
        ]

    def _found(self) -> list[Message]:
        return [one for one in gc.get_objects() if isinstance(one, Message) and one.ByteSize() > self._size]
