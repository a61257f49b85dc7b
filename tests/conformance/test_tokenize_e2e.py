"""A model with its tokenizer: the bridge counts, cuts, shows tokens and renders the model's own template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.configured import serve_file
from tests.doors import WAYS, Way, each_way, refusal, tell
from tests.openai_bodies import chat, completion, directed
from tests.openai_sdk import sdk
from tests.raw_http import ask
from tests.tokenizers.small import TEMPLATE, byte_level, write

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

FILE = """
[models.plain]
tokenizer = "files"
max_model_len = 100

[models.llmapi]
tokenizer = "files"

[models.echo_vllm]
tokenizer = "files"

[models.mock_llm]
tokenizer = "files"
chat_template = "llama3"
"""
TOKENIZER = byte_level()
CONFIG = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton, tmp_path: Path) -> Bridge:
    write(tmp_path / "files", TOKENIZER, CONFIG)
    return await serve_file(serve, tmp_path, families.address, FILE)


def ids(text: str, *, bos: bool = False) -> list[int]:
    found: list[int] = TOKENIZER.encode(text, add_special_tokens=bos).ids
    return found


def prompt_of(families: RunningTriton, tag: str) -> str:
    """Return the prompt that the model got."""
    (event,) = [event for event in families.events(tag) if event["event"] == "request"]
    prompt: str = event["inputs"]["text_input"][0]
    return prompt


@pytest.mark.parametrize("model", ["plain", "llmapi", "mock_llm"])
@each_way
async def test_usage_is_counted_where_the_model_counts_nothing(bridge: Bridge, way: Way, model: str) -> None:
    prompt = directed(text="the quick brown fox")
    answer = await tell(bridge, way, completion(prompt, model=model, n=2))
    assert answer.usage == (len(ids(prompt, bos=True)), 2 * len(ids("the quick brown fox")))
    assert [choice.finish_reason for choice in answer.choices] == ["stop"] * 2


async def test_the_models_own_counts_win(bridge: Bridge) -> None:
    for way in WAYS:
        answer = await tell(bridge, way, completion(directed(text="the quick fox", input_tokens=50)))
        assert answer.usage == (50, 3)


@each_way
async def test_token_ids_become_the_text_that_they_stand_for(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    tag = f"ids {way}"
    texts = [directed(tag=f"{tag} {at}", text="the fox, déjà vu") for at in range(2)]
    answer = await tell(bridge, way, completion([ids(text) for text in texts], model="plain"))
    assert answer.texts == ["the fox, déjà vu"] * 2
    assert [prompt_of(families, f"{tag} {at}") for at in range(2)] == texts
    framed = await tell(bridge, way, completion(ids(directed(tag=f"{tag} 2"), bos=True), model="plain"))
    assert framed.usage is not None
    assert prompt_of(families, f"{tag} 2") == directed(tag=f"{tag} 2")


@each_way
async def test_token_ids_are_refused_without_a_tokenizer(bridge: Bridge, way: Way) -> None:
    refused = await refusal(bridge, way, completion([5, 6], model="batched"))
    assert (refused.status, refused.param) == (400, "prompt")
    assert "'batched'" in refused.message
    above = await refusal(bridge, way, completion([5, 10**6], model="plain"))
    assert above.param == "prompt[1]"


@each_way
async def test_a_long_prompt_is_cut_to_the_end_that_is_asked_for(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    tag = f"cut {way}"
    steering = directed("", tag=tag, text="fine")
    asked = {"model": "plain", "truncate_prompt_tokens": len(ids(steering, bos=True)) + 2}
    answer = await tell(bridge, way, completion("the quick brown fox jumps" + steering, **asked))
    assert answer.texts == ["fine"]
    kept = prompt_of(families, tag).removesuffix(steering)
    assert kept
    assert "the quick brown fox jumps".endswith(kept)
    assert len(ids(kept)) == 2
    assert answer.usage is not None
    assert answer.usage[0] == asked["truncate_prompt_tokens"]
    right = await tell(
        bridge,
        way,
        completion("the quick brown fox", model="plain", truncate_prompt_tokens=3, truncation_side="right"),
    )
    assert right.texts == ["the quick"]


@each_way
async def test_token_ids_are_returned_where_they_are_asked_for(bridge: Bridge, way: Way) -> None:
    prompt = directed(text="the quick brown fox")
    asked = {"return_token_ids": True, "return_prompt_text": True}
    answer = await tell(bridge, way, completion(prompt, model="llmapi", **asked))
    (choice,) = answer.choices
    assert choice.token_ids == ids("the quick brown fox")
    assert choice.prompt_token_ids == ids(prompt, bos=True)
    assert choice.prompt_text == prompt
    refused = await refusal(bridge, way, completion(model="batched", return_token_ids=True))
    assert refused.param == "return_token_ids"


@each_way
async def test_the_tokenizers_own_template_makes_the_prompt(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    for model, expected in (
        # The engine adds the first token: it is not sent.
        ("plain", "<|turn|>user\n{}</s><|turn|>assistant\n"),
        ("mock_llm", "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"),
    ):
        said = directed(tag=f"template {model} {way}", text="fine")
        assert (await tell(bridge, way, chat(said, model=model))).texts == ["fine"]
        assert prompt_of(families, f"template {model} {way}").startswith(expected.format(said))


async def test_the_sdk_is_told_that_the_context_is_too_small(bridge: Bridge) -> None:
    long = "the quick brown fox " * 40
    async with sdk(bridge) as client:
        for method, fields in (
            ("chat.completions.create", chat(long, model="plain")),
            ("completions.create", completion(long, model="plain")),
            ("chat.completions.create", chat("fox", model="plain", max_tokens=100)),
        ):
            for streams in (False, True):
                with pytest.raises(openai.BadRequestError) as caught:
                    await client.call(method, **fields, stream=streams)
                assert caught.value.code == "context_length_exceeded"
                assert caught.value.param == ("messages" if "messages" in fields else "prompt")
                assert "maximum context length is 100 tokens" in caught.value.message
    for way in WAYS:
        assert (await refusal(bridge, way, chat(long, model="plain"))).param == "messages"


async def test_the_answer_may_fill_what_the_context_leaves(bridge: Bridge, families: RunningTriton) -> None:
    for way in WAYS:
        tag = f"room {way}"
        answer = await tell(bridge, way, chat(directed(tag=tag, words=3), model="plain"))
        (event,) = [event for event in families.events(tag) if event["event"] == "request"]
        assert answer.usage is not None
        assert event["inputs"]["max_tokens"] == [100 - answer.usage[0]]


@pytest.mark.parametrize("root", ["", "/v1"])
async def test_texts_and_messages_are_tokenized_and_back(bridge: Bridge, root: str) -> None:
    async def post(path: str, **body: Any) -> Any:
        answer = await ask(bridge.http_port, "POST", f"{root}{path}", json=body)
        assert answer.status == 200
        return answer.json

    text = "the quick brown fox, déjà vu"
    given = await post("/tokenize", model="plain", prompt=text)
    assert given == {
        "count": len(ids(text, bos=True)),
        "max_model_len": 100,
        "tokens": ids(text, bos=True),
        "token_strs": None,
    }
    assert await post("/detokenize", model="plain", tokens=given["tokens"]) == {"prompt": f"<s>{text}"}
    messages = chat("fox", model="plain")
    counted = await post("/tokenize", **messages)
    rendered = "<|turn|>user\nfox</s><|turn|>assistant\n"
    assert counted["tokens"] == ids(rendered, bos=True)
    answer = await tell(bridge, WAYS[0], messages)
    assert answer.usage is not None
    assert counted["count"] == answer.usage[0]


@pytest.mark.parametrize(("path", "body"), [("/tokenize", {"prompt": "a"}), ("/detokenize", {"tokens": [1]})])
async def test_only_a_model_with_a_tokenizer_tokenizes(bridge: Bridge, path: str, body: Any) -> None:
    without = await ask(bridge.http_port, "POST", path, json={"model": "batched", **body})
    assert (without.status, without.error["param"]) == (400, "model")
    unknown = await ask(bridge.http_port, "POST", path, json={"model": "nobody", **body})
    assert unknown.status == 404
