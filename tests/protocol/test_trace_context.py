"""W3C Trace Context: what is read of headers, what is ignored, what is told to the next."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.trace_context import MAX_STATE, TraceContext, read

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
KEY = string.ascii_lowercase + string.digits + "_-*/@"
VALUE = "".join(char for char in map(chr, range(0x20, 0x7F)) if char not in ",=")

ids = st.integers(1).map(lambda number: f"{number:x}")
contexts = st.builds(
    TraceContext,
    ids.map(lambda text: text[-32:].zfill(32)).filter(lambda text: text.strip("0")),
    ids.map(lambda text: text[-16:].zfill(16)).filter(lambda text: text.strip("0")),
    st.integers(0, 3),
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z0-9][a-z0-9_\-*/@]{0,9}", fullmatch=True),
            st.text(VALUE, min_size=1, max_size=20).filter(lambda text: not text.endswith(" ")),
        ),
        max_size=32,
        unique_by=lambda pair: pair[0],
    ).map(lambda pairs: ",".join(f"{key}={value}" for key, value in pairs)),
)


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        pytest.param(GOOD, 1, id="sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-00", 0, id="not sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-03", 3, id="with a random id"),
        pytest.param(f"00-{TRACE}-{SPAN}-ff", 3, id="flags that nobody knows are dropped"),
        pytest.param(f"00-{TRACE}-{SPAN}-08", 0, id="none that anybody knows"),
        pytest.param(f" \t{GOOD}\t ", 1, id="white space around it"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01", 1, id="a later version"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01-what-will-be", 1, id="a later version with more"),
        pytest.param(f"fe-{TRACE}-{SPAN}-01-", 1, id="the last version with nothing more"),
    ],
)
def test_a_parent_is_read(parent: str, flags: int) -> None:
    assert read([parent], []) == TraceContext(TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "parents",
    [
        pytest.param([], id="none"),
        pytest.param([""], id="empty"),
        pytest.param([GOOD, GOOD], id="two"),
        pytest.param([f"{GOOD}, {GOOD}"], id="two in one"),
        pytest.param([f"{GOOD}."], id="version 00 with more"),
        pytest.param([f"{GOOD}-more"], id="version 00 with another part"),
        pytest.param([f"cc-{TRACE}-{SPAN}-01.more"], id="a later version with more but no dash"),
        pytest.param([f"cc-{TRACE}-{SPAN}-0"], id="a later version that is too short"),
        pytest.param([f"ff-{TRACE}-{SPAN}-01"], id="the forbidden version"),
        pytest.param([f"0-{TRACE}-{SPAN}-01"], id="version too short"),
        pytest.param([f"000-{TRACE}-{SPAN}-01"], id="version too long"),
        pytest.param([f".0-{TRACE}-{SPAN}-01"], id="version not hexadecimal"),
        pytest.param([f"0A-{TRACE}-{SPAN}-01"], id="version in capitals"),
        pytest.param([f"00-{'0' * 32}-{SPAN}-01"], id="trace id of zeros"),
        pytest.param([f"00-{TRACE.upper()}-{SPAN}-01"], id="trace id in capitals"),
        pytest.param([f"00-{TRACE[1:]}-{SPAN}-01"], id="trace id too short"),
        pytest.param([f"00-{TRACE}0-{SPAN}-01"], id="trace id too long"),
        pytest.param([f"00-{TRACE[1:]}.-{SPAN}-01"], id="trace id not hexadecimal"),
        pytest.param([f"00-{TRACE}-{'0' * 16}-01"], id="span id of zeros"),
        pytest.param([f"00-{TRACE}-{SPAN[1:]}-01"], id="span id too short"),
        pytest.param([f"00-{TRACE}-{SPAN}0-01"], id="span id too long"),
        pytest.param([f"00-{TRACE}-{SPAN[1:]}é-01"], id="span id not ASCII"),
        pytest.param([f"00-{TRACE}-{SPAN}-1"], id="flags too short"),
        pytest.param([f"00-{TRACE}-{SPAN}-001"], id="flags too long"),
        pytest.param([f"00-{TRACE}-{SPAN}-0."], id="flags not hexadecimal"),
        pytest.param([f"00-{TRACE}-{SPAN}"], id="no flags"),
        pytest.param([f"{GOOD}\n"], id="a new line"),
        pytest.param(["\u0660\u0660" + GOOD[2:]], id="digits of another script"),
    ],
)
def test_what_is_no_parent_is_ignored_with_its_state(parents: list[str]) -> None:
    assert read(parents, ["foo=1"]) is None


@pytest.mark.parametrize(
    ("states", "state"),
    [
        pytest.param([], "", id="none"),
        pytest.param([""], "", id="empty"),
        pytest.param(["foo=1,bar=2"], "foo=1,bar=2", id="one header"),
        pytest.param(["foo=1,bar=2", "rojo=1", "baz=3"], "foo=1,bar=2,rojo=1,baz=3", id="several headers"),
        pytest.param(["foo=1", ""], "foo=1", id="an empty one after it"),
        pytest.param(["", "foo=1"], "foo=1", id="an empty one before it"),
        pytest.param(["\t foo=1 \t , \t bar=2, \t ,baz=3 "], "foo=1,bar=2,baz=3", id="white space"),
        pytest.param(["foo= 1"], "foo= 1", id="a value that begins with a space"),
        pytest.param([f"{KEY}={VALUE}~"], f"{KEY}={VALUE}~", id="all characters"),
        pytest.param(["t61@congo=1"], "t61@congo=1", id="a tenant"),
        pytest.param(["foo =1,bar=2"], "", id="a space in a key"),
        pytest.param(["FOO=1"], "", id="a key in capitals"),
        pytest.param(["foo.bar=1"], "", id="a point in a key"),
        pytest.param(["@foo=1,bar=2"], "", id="a key that begins with @"),
        pytest.param(["=1"], "", id="no key"),
        pytest.param(["foo=", "bar=2"], "", id="no value"),
        pytest.param(["foo"], "", id="no equals sign"),
        pytest.param(["foo=1=2"], "", id="two equals signs"),
        pytest.param(["foo=é"], "", id="a value that is not ASCII"),
        pytest.param(["foo=a\tb"], "", id="a tab in a value"),
        pytest.param(["foo=1,foo=2"], "", id="a key twice"),
        pytest.param(["foo=1", "foo=1"], "", id="a key twice in two headers"),
        pytest.param([f"{'k' * 256}={'v' * 256}"], f"{'k' * 256}={'v' * 256}", id="the longest entry"),
        pytest.param([f"{'k' * 257}=v"], "", id="a key too long"),
        pytest.param([f"k={'v' * 257}"], "", id="a value too long"),
    ],
)
def test_a_state_is_passed_on_or_dropped_and_the_parent_stands(states: list[str], state: str) -> None:
    assert read([GOOD], states) == TraceContext(TRACE, SPAN, 1, state)


@pytest.mark.parametrize(("entries", "passed"), [(32, True), (33, False)])
def test_a_state_has_so_many_entries(entries: int, passed: bool) -> None:
    state = ",".join(f"k{number}=1" for number in range(entries))
    assert read([GOOD], [state]) == TraceContext(TRACE, SPAN, 1, state if passed else "")


@pytest.mark.parametrize("last", [MAX_STATE, MAX_STATE + 1])
def test_a_state_that_is_too_long_loses_its_last_entries(last: int) -> None:
    entries = [f"k{number}={'v' * 200}" for number in range(10)]
    size = last - len(",".join(entries)) - len(",z=")
    found = read([GOOD], [",".join([*entries, f"z={'v' * size}"])])
    assert found is not None
    kept = found.state.split(",")
    assert kept[:10] == entries
    assert len(kept) == (11 if last == MAX_STATE else 10)


@given(contexts)
def test_what_is_told_is_read(context: TraceContext) -> None:
    headers = context.headers()
    assert dict(headers).keys() <= {"traceparent", "tracestate"}
    told = dict(headers)
    assert read([told["traceparent"]], [told["tracestate"]] if "tracestate" in told else []) == context


@given(st.lists(st.text() | st.just(GOOD), max_size=2), st.lists(st.text(KEY + VALUE + ",= \t"), max_size=3))
def test_nothing_that_a_caller_sends_breaks_a_header(parents: list[str], states: list[str]) -> None:
    if (found := read(parents, states)) is not None:
        for _, value in found.headers():
            assert re.fullmatch("[ -~]+", value)
            assert value == value.strip()
            assert len(value) <= MAX_STATE
