"""Raw tensor contents there and back, and text out of bytes that were cut anywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Reason
from bridge.protocol.kserve import ModelInferResponse
from bridge.protocol.tensors import FORMATS, TYPED, Utf8, byte_strings, numbers, pack, raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

ELEMENTS: dict[str, SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    **{f"UINT{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": st.floats(width=bits, allow_nan=False) for bits in (16, 32, 64)},
}


def test_every_datatype_of_fixed_size_is_tried() -> None:
    assert ELEMENTS.keys() == FORMATS.keys()


@pytest.mark.parametrize("datatype", sorted(ELEMENTS))
def test_numbers_come_back_as_they_were_packed(datatype: str) -> None:
    @given(st.lists(ELEMENTS[datatype], max_size=5))
    def check(values: list[Any]) -> None:
        assert list(numbers(datatype, pack(datatype, values))) == values

    check()


@pytest.mark.parametrize("datatype", sorted(ELEMENTS))
def test_typed_contents_are_read_as_raw_ones(datatype: str) -> None:
    @given(st.lists(ELEMENTS[datatype], max_size=5))
    def check(values: list[Any]) -> None:
        tensor = ModelInferResponse.InferOutputTensor(datatype=datatype)
        getattr(tensor.contents, TYPED[datatype]).extend(values)
        tensor.contents.SetInParent()
        assert list(numbers(datatype, raw(tensor))) == values

    if datatype in TYPED:
        check()
    else:
        assert datatype == "FP16"


def test_a_typed_number_beyond_its_datatype_is_a_contract_failure() -> None:
    tensor = ModelInferResponse.InferOutputTensor(datatype="INT8")
    tensor.contents.int_contents.append(300)
    with pytest.raises(BridgeError) as caught:
        raw(tensor)
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@given(st.lists(st.binary(max_size=20)))
def test_byte_strings_come_back_as_they_were_packed(values: list[bytes]) -> None:
    assert byte_strings(pack("BYTES", values)) == values


def test_text_is_packed_as_utf8_behind_its_length_in_bytes() -> None:
    assert pack("BYTES", ["é"]) == b"\x02\x00\x00\x00\xc3\xa9"


def test_numbers_are_little_endian() -> None:
    assert pack("INT32", [1, -2]) == b"\x01\x00\x00\x00\xfe\xff\xff\xff"


def test_a_negative_seed_becomes_its_twos_complement_in_uint64() -> None:
    assert pack("UINT64", [-1]) == b"\xff" * 8


def test_an_integral_float_fits_an_integer_tensor() -> None:
    assert pack("INT32", [3.0]) == pack("INT32", [3])


def test_an_integer_fits_a_float_tensor() -> None:
    assert numbers("FP32", pack("FP32", [2])) == (2.0,)


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        pytest.param("INT32", [2**31], id="too large"),
        pytest.param("UINT32", [-1], id="negative"),
        pytest.param("INT32", [0.5], id="fraction"),
        pytest.param("INT32", ["1"], id="text for a number"),
        pytest.param("BYTES", [1], id="number for text"),
        pytest.param("FP16", [1e300], id="too large a float"),
        pytest.param("BF16", [1.0], id="datatype without a format"),
    ],
)
def test_a_value_that_does_not_fit_is_a_contract_failure(datatype: str, values: Sequence[Any]) -> None:
    with pytest.raises(BridgeError) as caught:
        pack(datatype, values)
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert datatype in caught.value.message


def test_a_number_sent_as_text_is_read() -> None:
    values = numbers("BYTES", pack("BYTES", ["-1.5", "nan", "3"]))
    assert (values[0], math.isnan(values[1]), values[2]) == (-1.5, True, 3.0)


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        pytest.param("INT32", b"\x01\x02", id="half an element"),
        pytest.param("BF16", b"\x01\x02", id="datatype without a format"),
        pytest.param("BYTES", pack("BYTES", ["many"]), id="text that is no number"),
        pytest.param("BYTES", b"\x04\x00\x00\x00abc", id="length past the end"),
        pytest.param("BYTES", b"\x05\x00", id="half a length"),
    ],
)
def test_malformed_contents_are_a_contract_failure(datatype: str, raw: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        numbers(datatype, raw)
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert "many" not in caught.value.message


@pytest.mark.parametrize("raw", [b"\x04\0\0\0abc", b"\x01\0\0\0a\x01\0\0\0", b"\xff\xff\xff\xffa", b"\0"])
def test_a_length_past_the_end_is_a_contract_failure(raw: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        byte_strings(raw)
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@st.composite
def cut_bytes(draw: Any) -> list[bytes]:
    """Bytes that are text, nearly text or none, cut anywhere."""
    pieces = draw(st.lists(st.one_of(st.text(max_size=4).map(str.encode), st.binary(max_size=4)), max_size=6))
    whole = b"".join(pieces)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(cut_bytes())
def test_any_split_of_any_bytes_gives_the_same_text(pieces: list[bytes]) -> None:
    reader = Utf8()
    text = "".join(map(reader.feed, pieces)) + reader.finish()
    assert text == b"".join(pieces).decode(errors="replace")


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param("a€b😀c".encode(), id="text"),
        pytest.param(b"\xe2a\xe2\x82b", id="cut characters in the middle"),
        pytest.param(b"a\xf0\x9f\x98", id="a cut character at the end"),
        pytest.param(b"\xff\x80\xc3a\xc0\xaf", id="bytes that start nothing"),
        pytest.param(b"\xed\xa0\x80\xf4\x90\x80\x80", id="no characters: a surrogate, past the last one"),
    ],
)
def test_every_two_cuts_give_the_same_text(whole: bytes) -> None:
    for first in range(len(whole) + 1):
        for second in range(first, len(whole) + 1):
            reader = Utf8()
            pieces = (whole[:first], whole[first:second], whole[second:])
            text = "".join(map(reader.feed, pieces)) + reader.finish()
            assert text == whole.decode(errors="replace"), (first, second)


@given(st.text())
def test_text_that_came_byte_by_byte_is_never_shown_in_halves(text: str) -> None:
    reader = Utf8()
    shown = ""
    for byte in text.encode():
        shown += reader.feed(bytes([byte]))
        assert text.startswith(shown)
    assert shown == text
    assert reader.finish() == ""
