"""Every family of models, served as it is found: the same answer through either door, streamed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.doors import WAYS, refusal, tell
from tests.openai_bodies import chat, completion, directed

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.doors import Told
    from tests.tritonserver import RunningTriton


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A stand-in and what can be known of its answers."""

    model: str
    server: str = "families"
    """The fixture that serves it."""
    counts: str = ""
    """What it counts as tokens, "bytes" or "pieces"; empty if it does not count."""
    limits: str = "pieces"
    """What `max_tokens` limits; empty if the model takes none."""
    tells_length: bool = False
    """Whether it can be known that the limit ended the answer."""
    whole_characters: bool = True
    """Whether a character that two responses share can be put together."""
    cuts: bool = False
    """Whether the model itself ends at a stop string and leaves it out."""
    cancels: bool = False
    """Whether a cancelled generation ends early, and says so."""

    def __str__(self) -> str:
        return self.model


BYTES: Final[dict[str, Any]] = {"counts": "bytes", "limits": "bytes", "tells_length": True}
FAMILIES: Final = (
    Family(model="echo_vllm", counts="pieces", tells_length=True, cuts=True, cancels=True),
    Family(model="ensemble", whole_characters=False, **BYTES),
    Family(model="tensorrt_llm_bls", whole_characters=False, **BYTES),
    Family(model="tensorrt_llm_bls_accumulated", **BYTES),
    Family(model="llmapi", tells_length=True, cancels=True),
    Family(model="llmapi_nodec", tells_length=True),
    Family(model="mock_llm", limits="", cancels=True),
    Family(model="plain"),
    Family(model="plain_decoupled", server="triton", limits="", cancels=True),
    Family(model="batched", cancels=True),
)
NOT_DECOUPLED: Final = ("llmapi_nodec", "plain")
each_family = pytest.mark.parametrize("family", FAMILIES, ids=str)
each_endpoint = pytest.mark.parametrize("endpoint", [chat, completion])


@pytest.fixture
def server(request: pytest.FixtureRequest, family: Family) -> RunningTriton:
    """Return the Triton that serves the family's model."""
    found: RunningTriton = request.getfixturevalue(family.server)
    return found


@pytest.fixture
async def bridge(serve: Serve, server: RunningTriton) -> Bridge:
    """Serve the family's model without any configuration."""
    return await serve(triton=server.address)


def limit(family: Family, tokens: int, *, size: int = 1) -> dict[str, int]:
    """Return the field that limits an answer to so many pieces of a size, where the model takes a limit."""
    return {"max_tokens": tokens * (size if family.limits == "bytes" else 1)} if family.limits else {}


async def every_way(bridge: Bridge, body: dict[str, Any]) -> list[Told]:
    return [await tell(bridge, way, body) for way in WAYS]


@each_family
@each_endpoint
async def test_the_answer_is_the_same_in_every_way(bridge: Bridge, family: Family, endpoint: Any) -> None:
    prompt = directed(words=3)
    body = endpoint(prompt, model=family.model, **limit(family, 3, size=7))
    answers = await every_way(bridge, body)
    assert {answer.model for answer in answers} == {family.model}
    for answer in answers:
        (choice,) = answer.choices
        assert (choice.text, choice.finish_reason) == ("word0 word1 word2 ", "stop")
    wanted = ["word0 ", "word1 ", "word2 "]
    streamed = [answer.choices[0].deltas for way, answer in zip(WAYS, answers, strict=True) if way.streams]
    assert streamed == [["".join(wanted)] if family.model in NOT_DECOUPLED else wanted] * 2
    assert {answer.ignored for answer in answers} == {""}
    assert len({answer.usage for answer in answers}) == 1
    check_usage(answers[0].usage, family, prompt if endpoint is completion else None)


def check_usage(usage: tuple[int, int] | None, family: Family, prompt: str | None) -> None:
    """Check the counts of three words, and of the prompt where the model gets it as it is."""
    if not family.counts:
        assert usage is None
        return
    assert usage is not None
    assert usage[1] == (18 if family.counts == "bytes" else 3)
    if prompt is not None:
        assert usage[0] == (len(prompt.encode()) if family.counts == "bytes" else 3)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.limits], ids=str)
async def test_the_limit_ends_the_answer(bridge: Bridge, family: Family) -> None:
    body = chat(directed(words=4), model=family.model, **limit(family, 2, size=6))
    for answer in await every_way(bridge, body):
        (choice,) = answer.choices
        assert choice.text == "word0 word1 "
        assert choice.finish_reason == ("length" if family.tells_length else "stop")


@pytest.mark.parametrize("family", [family for family in FAMILIES if not family.limits], ids=str)
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_that_the_model_cannot_take_is_refused(
    bridge: Bridge, family: Family, field: str
) -> None:
    for way in WAYS:
        error = await refusal(bridge, way, chat(model=family.model, **{field: 5}))
        assert (error.status, error.param) == (400, field)
        assert f"'{family.model}'" in error.message


@each_family
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_characters_are_whole_in_every_delta(bridge: Bridge, family: Family, size: int) -> None:
    wanted = "né 日本 🙂 e"
    body = chat(directed(text=wanted, cut_bytes=size), model=family.model)
    for answer in await every_way(bridge, body):
        (choice,) = answer.choices
        if family.whole_characters:
            assert choice.text == wanted
            assert not [delta for delta in choice.deltas if "\ufffd" in delta]
        else:  # each response was detokenized alone: nothing can mend it
            assert choice.text.startswith("n")
            assert choice.text.endswith(" e")


@pytest.mark.parametrize("family", [family for family in FAMILIES if not family.cuts], ids=str)
async def test_stop_strings_never_leak(bridge: Bridge, family: Family) -> None:
    pieces = ["one EN", "TRY two", " E", "N", "D three", " END four"]
    body = chat(directed(pieces=pieces), model=family.model, stop=["<never>", "END"])
    for answer in await every_way(bridge, body):
        (choice,) = answer.choices
        assert (choice.text, choice.finish_reason) == ("one ENTRY two ", "stop")
        assert choice.stop_reason == "END"


@pytest.mark.parametrize("family", [family for family in FAMILIES if not family.cuts], ids=str)
async def test_the_stop_string_stays_in_the_text_if_that_is_asked_for(bridge: Bridge, family: Family) -> None:
    prompt = directed(pieces=["one EN", "D two"])
    body = chat(prompt, model=family.model, stop="END", include_stop_str_in_output=True)
    for answer in await every_way(bridge, body):
        assert answer.texts == ["one END"]
        assert answer.choices[0].stop_reason == "END"


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.cancels and not family.cuts], ids=str
)
@pytest.mark.parametrize("n", [1, 2])
async def test_a_model_is_cancelled_where_the_bridge_cuts(
    bridge: Bridge, server: RunningTriton, family: Family, n: int
) -> None:
    for way in WAYS:
        tag = f"cut {family.model} {way} {n}"
        prompt = directed(tag=tag, pieces=["one ST", "OP", "x", "y"], hang_at=3)
        answer = await tell(bridge, way, chat(prompt, model=family.model, stop="STOP", n=n))
        assert answer.texts == ["one "] * n
        await server.event(tag, "cancelled")
