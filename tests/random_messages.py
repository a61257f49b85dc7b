"""Random protobuf messages of any kind, for hypothesis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    Draw = Callable[[st.SearchStrategy[Any]], Any]

M = TypeVar("M", bound="Message")

DEEPEST: Final = 5
"""Messages within messages; below this they are left empty."""
_LONGEST: Final = 3
_WIDTHS: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_TEXT: Final = st.text(max_size=8) | st.sampled_from(
    ["{}", "[]", "null", '{"a": 1}', "left", "echo_vllm", "\0"]
)


@st.composite
def messages(draw: Draw, kind: type[M], *, wild: bool = False) -> M:
    """Return a message with some of its fields set.

    Args:
        draw: hypothesis's.
        kind: of message.
        wild: unions may be unset, enums unknown numbers, and numbers no numbers; else everything is as the
            server itself would fill it.
    """
    message = kind()
    _fill(draw, message, wild=wild, depth=DEEPEST)
    return message


def _fill(draw: Draw, message: Any, *, wild: bool, depth: int) -> None:
    fields = message.DESCRIPTOR.fields
    unions = [oneof for oneof in message.DESCRIPTOR.oneofs if not oneof.name.startswith("_")]
    members = {field.name for oneof in unions for field in oneof.fields}
    free = [field for field in fields if field.name not in members]
    chosen = draw(st.lists(st.sampled_from(free), max_size=_LONGEST + 3, unique=True)) if free else []
    for oneof in unions:
        if not wild or draw(st.booleans()):
            chosen.append(draw(st.sampled_from(list(oneof.fields))))
    for field in chosen:
        if depth or field.message_type is None:
            _set(draw, message, field, wild=wild, depth=depth - 1)


def _set(draw: Draw, message: Any, field: FieldDescriptor, *, wild: bool, depth: int) -> None:
    holder = getattr(message, field.name)
    count = draw(st.integers(0, _LONGEST)) if field.is_repeated else 1
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for _ in range(count):
            place = draw(_scalars(key, wild=wild))
            if value.message_type is None:
                holder[place] = draw(_scalars(value, wild=wild))
            else:
                _fill(draw, holder[place], wild=wild, depth=depth)
    elif field.message_type is not None:
        for _ in range(count):
            inner = holder.add() if field.is_repeated else holder
            inner.SetInParent()
            _fill(draw, inner, wild=wild, depth=depth)
    elif field.is_repeated:
        holder.extend([draw(_scalars(field, wild=wild)) for _ in range(count)])
    else:
        setattr(message, field.name, draw(_scalars(field, wild=wild)))


def _scalars(field: FieldDescriptor, *, wild: bool) -> st.SearchStrategy[Any]:
    """Return values of a field that is no message."""
    if field.enum_type is not None:
        known = st.sampled_from([value.number for value in field.enum_type.values])
        return known | st.integers(-(2**31), 2**31 - 1) if wild else known
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=8)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _TEXT
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type in _WIDTHS:
        low, high = _WIDTHS[field.cpp_type]
        return st.integers(0, 9) | st.integers(low, high)
    width = 32 if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT else 64
    numbers = st.floats(-2, 2, width=width) | st.floats(allow_nan=False, allow_infinity=False, width=width)
    return numbers | st.sampled_from([math.nan, math.inf]) if wild else numbers
