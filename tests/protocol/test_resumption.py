"""Which answers can go on when their server is lost, and what is asked of the next one."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation, Piece
from bridge.protocol.request_fields import CHAT, COMPLETION, Handling
from bridge.protocol.resumption import COUNTS_ON_ANSWER, MOST, Resumption, resumable

GREEDY = {"temperature": 0}

HARMLESS = {
    "temperature", "top_p", "top_k", "min_p", "seed", "stop", "logit_bias", "ignore_eos", "stop_token_ids",
    "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens", "bad_words",
    "allowed_token_ids", "triton_parameters", "priority", "cache_salt",
}  # fmt: skip
"""Fields that mean the same for the rest of an answer as for all of it, once the sampling is greedy."""


def asked(**fields: Any) -> Generation:
    settings = {"request_id": "r", "prompt": "Say: ", "max_tokens": 10, "sampling": GREEDY}
    return Generation(**(settings | fields))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"sampling": {"temperature": 0}}, id="temperature 0"),
        pytest.param({"sampling": {"temperature": 0.0, "top_p": 0.5, "seed": 7}}, id="with others"),
        pytest.param({"sampling": {"top_k": 1, "temperature": 0.7}}, id="top_k 1"),
        pytest.param({"sampling": GREEDY | {"presence_penalty": 0.0}}, id="a penalty of nothing"),
        pytest.param({"sampling": GREEDY | {"repetition_penalty": 1.0}}, id="a penalty by one"),
        pytest.param({"stop": ("END",)}, id="stop strings"),
    ],
)
def test_greedy_answers_can_go_on(fields: dict[str, Any]) -> None:
    assert resumable(asked(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"sampling": {}}, id="the engine's own temperature"),
        pytest.param({"sampling": {"temperature": 0.1}}, id="some temperature"),
        pytest.param({"sampling": {"top_k": 2}}, id="top_k 2"),
        pytest.param({"sampling": GREEDY | {"presence_penalty": 0.5}}, id="presence penalty"),
        pytest.param({"sampling": GREEDY | {"frequency_penalty": -1}}, id="frequency penalty"),
        pytest.param({"sampling": GREEDY | {"repetition_penalty": 1.1}}, id="repetition penalty"),
        pytest.param({"sampling": GREEDY | {"min_tokens": 5}}, id="min_tokens"),
        pytest.param({"logprobs": 0}, id="logprobs"),
        pytest.param({"cumulative_logprob": True}, id="ranked candidates"),
    ],
)
def test_others_cannot(fields: dict[str, Any]) -> None:
    assert not resumable(asked(**fields))


@pytest.mark.parametrize("table", [CHAT, COMPLETION], ids=["chat", "completion"])
def test_every_field_that_reaches_the_model_has_its_place(table: dict[str, Any]) -> None:
    forwarded = {name for name, field in table.items() if field.handling is Handling.FORWARD}
    assert forwarded - HARMLESS == set(COUNTS_ON_ANSWER)


class Words:
    """A tokenizer for which a word is a token."""

    def encode(self, text: str, **_: bool) -> list[int]:
        return list(range(len(text.split())))


def after(*pieces: Piece, tokenizer: Any = None) -> Resumption:
    made = Resumption(asked(), tokenizer)
    for piece in pieces:
        made.add(piece)
    return made


@pytest.mark.parametrize(
    ("pieces", "tokenizer", "tokens"),
    [
        pytest.param(
            [Piece("a ", completion_tokens=1), Piece("b ", completion_tokens=2)], None, 3, id="counted"
        ),
        pytest.param([Piece("a "), Piece("b ")], Words(), 2, id="counted by the tokenizer"),
        pytest.param([Piece("a "), Piece("b ")], None, None, id="counted by nobody"),
        pytest.param([Piece("", completion_tokens=1)], None, None, id="no text yet"),
        pytest.param([], Words(), None, id="nothing"),
        pytest.param(
            [Piece("a ", completion_tokens=1), Piece("", completion_tokens=1)], None, 1, id="half a character"
        ),
    ],
)
def test_the_tokens_of_the_text_so_far(pieces: list[Piece], tokenizer: Any, tokens: int | None) -> None:
    assert after(*pieces, tokenizer=tokenizer).tokens() == tokens


def test_the_rest_is_asked_with_the_text_so_far_and_fewer_tokens() -> None:
    made = after(Piece("a ", completion_tokens=1), Piece("b ", completion_tokens=2))
    rest = made.rest(3)
    assert (rest.prompt, rest.max_tokens, rest.sampling) == ("Say: a b ", 7, GREEDY)
    assert rest.request_id != "r"
    made.add(Piece("c ", completion_tokens=1))
    again = made.rest(made.tokens() or 0)
    assert (again.prompt, again.max_tokens) == ("Say: a b c ", 6)
    assert again.request_id not in {"r", rest.request_id}


def test_an_answer_goes_on_only_a_few_times() -> None:
    made = after(Piece("a ", completion_tokens=1))
    for _ in range(MOST):
        made.rest(made.tokens() or 0)
    assert made.tokens() is None


class Told:
    """A reader of pieces."""

    def __init__(self, limit: int | None = 10, finish_reason: Any = None) -> None:
        self.limit = limit
        self.finish_reason = finish_reason

    def feed(self, response: Any) -> Piece:
        return response

    def again(self, text: bytes) -> str:
        return text.decode()

    def finish(self) -> Piece:
        return Piece(finish_reason=self.finish_reason)


class Model:
    """A translator that keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[Generation] = []
        self.limits: list[int] = []

    def request(self, generation: Generation) -> Any:
        self.asked.append(generation)
        return f"request {len(self.asked)}"

    def reader(self, generation: Generation) -> Any:
        return Told(generation.max_tokens)


def choice(reader: Told, **fields: Any) -> Choice:
    generation = asked(**fields)
    made = Choice(generation, reader, prompt_tokens=2)  # type: ignore[arg-type]
    made.keep(Resumption(generation, None))
    return made


def fed(made: Choice, *pieces: Piece) -> str:
    return "".join(made.feed(piece).text for piece in pieces)  # type: ignore[arg-type]


def test_the_counts_are_those_of_one_answer() -> None:
    made, model = choice(Told()), Model()
    text = fed(made, Piece("a ", prompt_tokens=3, completion_tokens=1), Piece("b ", completion_tokens=1))
    assert made.resume(model) == "request 1"  # type: ignore[arg-type]
    text += fed(made, Piece("c ", prompt_tokens=5, completion_tokens=1))
    text += made.again(b"d ").text
    last = made.finish()
    assert (text, made.prompt_tokens, made.completion_tokens) == ("a b c d ", 3, 4)
    assert last.finish_reason == FINISH_REASON_STOP


def test_a_token_that_was_half_a_character_is_counted_once() -> None:
    made = choice(Told())
    fed(made, Piece("a ", completion_tokens=1), Piece("", completion_tokens=1))
    made.resume(Model())  # type: ignore[arg-type]
    fed(made, Piece("é", completion_tokens=2))
    assert made.completion_tokens == 3


def test_the_limit_is_that_of_the_whole_answer() -> None:
    made = choice(Told())
    fed(made, Piece("x", completion_tokens=6))
    made.resume(Model())  # type: ignore[arg-type]
    fed(made, Piece("y", completion_tokens=4))
    assert made.finish().finish_reason == FINISH_REASON_LENGTH


@pytest.mark.parametrize(
    ("reader", "tokens", "reason"),
    [
        pytest.param(Told(), 10, FINISH_REASON_LENGTH, id="all tokens have come"),
        pytest.param(Told(finish_reason=FINISH_REASON_STOP), 4, FINISH_REASON_STOP, id="the model has ended"),
    ],
)
def test_an_answer_that_is_whole_is_not_asked_for(reader: Told, tokens: int, reason: Any) -> None:
    made, model = choice(reader), Model()
    fed(made, Piece("x", completion_tokens=tokens))
    assert made.resume(model) is None  # type: ignore[arg-type]
    assert made.done
    assert made.finish().finish_reason == reason
    assert model.asked == []


def test_a_stop_string_is_found_across_the_seam() -> None:
    made, model = choice(Told(), stop=("STOP",)), Model()
    text = fed(made, Piece("one ST", completion_tokens=1))
    made.resume(model)  # type: ignore[arg-type]
    text += fed(made, Piece("OP two", completion_tokens=1))
    assert text == "one "
    assert made.done
    assert model.asked[0].prompt == "Say: one ST"


def test_without_being_kept_nothing_can_go_on() -> None:
    made = Choice(asked(), Told())  # type: ignore[arg-type]
    fed(made, Piece("a", completion_tokens=1))
    assert made.resume(Model()) is None  # type: ignore[arg-type]
    assert not made.done
