"""Tensor contents as Triton's raw bytes, and text out of them.

Raw contents are little-endian and row-major; a BYTES element is a uint32 length and the bytes
(KServe's binary tensor extension). Nothing here knows what a tensor means.
"""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol.kserve import ModelInferResponse

Scalar = str | bytes | bool | int | float
"""One element of an input tensor."""

FORMATS: Final[dict[str, str]] = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
"""Triton's datatypes of fixed size -> `struct` format of one element."""

TYPED: Final[dict[str, str]] = {
    "BYTES": "bytes_contents",
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
"""Datatype -> the field of KServe's InferTensorContents with its elements; the others are always raw."""

_LENGTH = struct.Struct("<I")
_INTEGERS = frozenset("BHIQbhiq")


def pack(datatype: str, values: Sequence[Scalar]) -> bytes:
    """Return the raw contents of a tensor.

    Raises:
        BridgeError: BACKEND_CONTRACT when the values do not fit the declared datatype.
    """
    try:
        if datatype == "BYTES":
            return b"".join(_pack_bytes(value) for value in values)
        form = FORMATS[datatype]
        return struct.pack(f"<{len(values)}{form}", *(_number(form, value) for value in values))
    except (KeyError, TypeError, struct.error, OverflowError) as exc:
        raise BridgeError(Reason.BACKEND_CONTRACT, f"cannot write a {datatype} tensor") from exc


def _pack_bytes(value: Scalar) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    if not isinstance(data, bytes):
        raise TypeError(type(data).__name__)
    return _LENGTH.pack(len(data)) + data


def _number(form: str, value: Scalar) -> Scalar:
    if form == "Q" and isinstance(value, int) and value < 0:
        return value + (1 << 64)  # a negative seed in a UINT64 tensor: two's complement
    if form in _INTEGERS and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def raw(tensor: ModelInferResponse.InferOutputTensor) -> bytes:
    """Return the raw contents of an output that came with typed ones, which Triton never sends.

    Raises:
        BridgeError: BACKEND_CONTRACT when they are not those of its datatype.
    """
    field = TYPED.get(tensor.datatype)
    if field is None or not tensor.HasField("contents"):
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent outputs without contents")
    return pack(tensor.datatype, getattr(tensor.contents, field))


def numbers(datatype: str, raw: bytes) -> tuple[float, ...]:
    """Return the elements of a numeric tensor, flattened.

    Some backends declare a number and send its text (TensorRT-LLM's llmapi): BYTES are parsed.

    Raises:
        BridgeError: BACKEND_CONTRACT when the contents are not of that datatype.
    """
    try:
        if datatype == "BYTES":
            return tuple(float(item) for item in byte_strings(raw))
        form = struct.Struct(f"<{FORMATS[datatype]}")
        return tuple(item[0] for item in form.iter_unpack(raw))
    except (KeyError, ValueError, struct.error) as exc:
        raise BridgeError(Reason.BACKEND_CONTRACT, f"the model sent a malformed {datatype} tensor") from exc


def byte_strings(raw: bytes) -> list[bytes]:
    """Return the elements of a BYTES tensor, flattened.

    Raises:
        BridgeError: BACKEND_CONTRACT when a length runs past the end.
    """
    items: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        if at + 4 > end:
            raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent a malformed BYTES tensor")
        start = at + 4
        at = start + _LENGTH.unpack_from(raw, at)[0]
        if at > end:
            raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent a malformed BYTES tensor")
        items.append(raw[start:at])
    return items


class Utf8:
    """Turns the bytes of successive responses into text, whole characters only.

    Triton passes BYTES through unchecked, so a character may be split over two responses: its first
    bytes are held back. Bytes that can be no character become U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._holding = False

    def feed(self, data: bytes) -> str:
        """Return the text that can no longer change."""
        if not self._holding:
            try:
                return data.decode()
            except UnicodeDecodeError:
                self._holding = True
        return self._decoder.decode(data)

    def finish(self) -> str:
        """Return what was held back, a cut character as U+FFFD."""
        return self._decoder.decode(b"", final=True)
