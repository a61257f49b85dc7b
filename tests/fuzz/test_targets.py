"""What the fuzzers look for over hours holds for the inputs of a moment; their bytes are read as meant."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.source import Source

FUZZ = Path(__file__).parents[2] / "fuzz"
TARGETS = sorted(path.stem for path in FUZZ.glob("*.py") if path.stem not in {"__main__", "source"})


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_input_is_a_finding(name: str, data: bytes) -> None:
    importlib.import_module(f"fuzz.{name}").one_input(data)


def test_every_target_is_described() -> None:
    described = (FUZZ / "README.md").read_text()
    assert [name for name in TARGETS if f"`{name}`" not in described] == []


def test_bytes_are_read_as_choices() -> None:
    source = Source(b"\x01\x05\x02\x03tail")
    assert (source.flag(), source.below(4), source.pick("abc")) == (True, 1, "c")
    assert (source.take(1), source.rest(), source.ended) == (b"\x03", b"tail", True)


def test_after_the_end_every_choice_is_the_first() -> None:
    source = Source(b"")
    assert (source.flag(), source.below(300), source.pick("abc"), source.text(["a"])) == (False, 0, "a", "")
    assert source.json(["a"], ["w"]) == "w"


def test_texts_are_words_and_bytes() -> None:
    assert Source(b"\x01x\x03\x00y").text(["one", "two"]) == "onextwo"


@given(data=st.binary(max_size=20), text=st.text(max_size=9))
def test_pieces_are_the_text(data: bytes, text: str) -> None:
    assert "".join(Source(data).cut(text)) == text
