"""Names in requests to models of Triton: what the configuration makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, ModelConfig, builtin, load
from bridge.protocol.model import EmbeddingModel, Model
from bridge.protocol.translators import UnservableError
from bridge.routes import Routes
from tests.protocol.models import declared, standin, tensor
from tests.tokenizers import small

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.protocol.signature import Signature

VLLM = standin("echo_vllm")
PLAIN = standin("plain")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
HI = [{"role": "user", "content": "Hi"}]


def routes(serve_unconfigured: bool = True, **models: ModelConfig) -> Routes:
    return Routes(Config(models=models, serve_unconfigured=serve_unconfigured))


def written(directory: Path, text: str) -> Routes:
    """Return the routes of a TOML file in a directory."""
    (directory / "bridge.toml").write_text(text)
    return Routes(load(directory / "bridge.toml", {}))


def served(made: Routes, name: str, signature: Signature = VLLM) -> Model:
    model = made.make(name, signature, 7)
    assert isinstance(model, Model)
    return model


def prompt(model: Model) -> str:
    return model.template.render(HI, now=NOW, strip_bos=model.adds_special_tokens)


def pairs(made: Routes, *ready: str) -> dict[str, tuple[str, str]]:
    return {route.name: (route.triton_model, route.version) for route in made.routes(ready)}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(routes(), {"a": ("a", ""), "b": ("b", "")}, id="nothing configured"),
        pytest.param(routes(a=ModelConfig()), {"a": ("a", ""), "b": ("b", "")}, id="settings alone"),
        pytest.param(
            routes(chat=ModelConfig(triton_model="a")),
            {"chat": ("a", ""), "b": ("b", "")},
            id="a name of its own takes the place of Triton's",
        ),
        pytest.param(
            routes(one=ModelConfig(triton_model="a"), two=ModelConfig(triton_model="a", version="3")),
            {"one": ("a", ""), "two": ("a", "3"), "b": ("b", "")},
            id="two names of one model, one for a version",
        ),
        pytest.param(
            routes(a=ModelConfig(triton_model="b")), {"a": ("b", "")}, id="a name that another model has"
        ),
        pytest.param(
            routes(a=ModelConfig(), alias=ModelConfig(triton_model="a")),
            {"a": ("a", ""), "alias": ("a", ""), "b": ("b", "")},
            id="Triton's name and another",
        ),
        pytest.param(routes(serve_unconfigured=False), {}, id="none but configured ones"),
        pytest.param(
            routes(serve_unconfigured=False, b=ModelConfig()), {"b": ("b", "")}, id="the configured one"
        ),
        pytest.param(
            routes(a=ModelConfig(loras=("sql", "de"))),
            {"a": ("a", ""), "a:sql": ("a", ""), "a:de": ("a", ""), "b": ("b", "")},
            id="adapters",
        ),
        pytest.param(
            routes(llama=ModelConfig(triton_model="a", version="2", loras=("sql",))),
            {"llama": ("a", "2"), "llama:sql": ("a", "2"), "b": ("b", "")},
            id="adapters of a model with a name of its own",
        ),
        pytest.param(routes(gone=ModelConfig()), {"a": ("a", ""), "b": ("b", "")}, id="one is not ready"),
    ],
)
def test_names_stand_for_models(made: Routes, expected: dict[str, tuple[str, str]]) -> None:
    assert pairs(made, "a", "b") == expected


def test_what_is_configured_must_be_ready() -> None:
    made = routes(a=ModelConfig(loras=("sql",)), b=ModelConfig(triton_model="c"))
    assert set(made.required) == {"a", "a:sql", "b"}


def test_tritons_name_of_a_model() -> None:
    made = routes(a=ModelConfig(), b=ModelConfig(triton_model="c", loras=("x",)))
    names = ("a", "b", "b:x", "other")
    assert [made.triton_name(name) for name in names] == ["a", "c", "c", "other"]


def test_the_default_model_is_the_configured_one() -> None:
    assert Routes(Config(default_model="m")).default == "m"
    assert routes().default is None


def test_a_model_that_is_not_configured_has_defaults() -> None:
    model = served(routes(), "any")
    assert (model.id, model.created, model.owned_by) == ("any", 7, "triton")
    assert (model.tokenizer, model.default_max_tokens, model.max_model_len) == (None, None, None)
    assert (model.defaults, model.unsupported, model.lora, model.parent) == ({}, "reject", None, None)
    assert (model.tool_call_parser, model.reasoning_parser) == ("hermes", None)
    assert model.adds_special_tokens
    assert routes().template_source("any") == "chatml"


def test_settings_reach_the_model() -> None:
    settings = ModelConfig(
        max_tokens=9,
        max_model_len=99,
        owned_by="me",
        strip_bos=False,
        unsupported="ignore",
        parameters={"a": 1},
        allowed_parameters=("b",),
        defaults={"temperature": 0.5},
    )
    model = served(routes(m=settings), "m", replace(VLLM, priority_levels=3))
    assert (model.default_max_tokens, model.max_model_len, model.owned_by) == (9, 99, "me")
    assert (model.adds_special_tokens, model.unsupported) == (False, "ignore")
    assert (model.parameters, model.allowed_parameters) == ({"a": 1}, frozenset({"b"}))
    assert (model.defaults, model.priority_levels) == ({"temperature": 0.5}, 3)


def test_an_adapter_is_a_model_with_the_settings_of_its_base() -> None:
    base = ModelConfig(triton_model="echo_vllm", template=builtin("llama3"), max_tokens=9, loras=("sql",))
    made = routes(base=base)
    model = served(made, "base:sql")
    assert (model.id, model.lora, model.parent) == ("base:sql", "sql", "base")
    assert model.default_max_tokens == 9
    assert made.template_source("base:sql") == "llama3"
    assert prompt(model) == prompt(served(made, "base"))
    assert (served(made, "base").lora, served(made, "base").parent) == (None, None)


def test_an_adapter_may_have_a_name_of_its_own() -> None:
    model = served(routes(sql=ModelConfig(triton_model="echo_vllm", lora="adapter-7")), "sql")
    assert (model.id, model.lora, model.parent) == ("sql", "adapter-7", "echo_vllm")


def test_an_adapter_of_a_model_that_takes_none_is_not_served() -> None:
    with pytest.raises(UnservableError, match="vLLM"):
        routes(plain=ModelConfig(loras=("sql",))).make("plain:sql", PLAIN, 7)


def test_a_model_may_be_told_to_embed() -> None:
    model = routes(m=ModelConfig(task="embed", owned_by="me")).make("m", standin("embed_text"), 7)
    assert isinstance(model, EmbeddingModel)
    assert (model.id, model.owned_by) == ("m", "me")


def test_what_the_operator_says_of_tensors_reaches_the_translator() -> None:
    inhouse = declared(tensor("question", optional=False), outputs=["reply"])
    tensors = {"prompt": "question", "answer": "reply"}
    made = routes(m=ModelConfig(tensors=tensors, as_parameters=("seed",), text_mode="cumulative"))
    carriers = served(made, "m", inhouse).translator.carriers()
    assert carriers["seed"] == "parameter seed"
    with pytest.raises(UnservableError):
        routes().make("m", inhouse, 7)


def test_a_named_adapter_is_used() -> None:
    assert served(routes(m=ModelConfig(adapter="text")), "m").translator.family == "text"


def test_the_tokenizers_own_template_and_length_are_used(tmp_path: Path) -> None:
    config = {"bos_token": "<s>", "model_max_length": 77, "chat_template": small.TEMPLATE}
    small.write(tmp_path / "tok", small.byte_level(), config)
    made = written(tmp_path, '[models.m]\ntokenizer = "tok"')
    model = served(made, "m")
    assert model.tokenizer is not None
    assert model.max_model_len == 77
    assert made.template_source("m") == "the tokenizer's"
    assert prompt(model) == "<|turn|>user\nHi</s><|turn|>assistant\n"


def test_a_leading_special_token_stays_where_it_is_wanted(tmp_path: Path) -> None:
    small.write(tmp_path / "tok", small.byte_level(), {"bos_token": "<s>", "chat_template": small.TEMPLATE})
    made = written(tmp_path, '[models.m]\ntokenizer = "tok"\nstrip_bos = false')
    assert prompt(served(made, "m")).startswith("<s><|turn|>")


def test_what_the_operator_says_wins_over_the_tokenizer(tmp_path: Path) -> None:
    config = {"model_max_length": 77, "chat_template": small.TEMPLATE}
    small.write(tmp_path / "tok", small.byte_level(), config)
    made = written(
        tmp_path, '[models.m]\ntokenizer = "tok"\nchat_template = "llama3"\nmax_model_len = 55\nloras = ["x"]'
    )
    assert made.template_source("m") == "llama3"
    assert served(made, "m").max_model_len == 55
    assert prompt(served(made, "m:x")) == prompt(served(made, "m"))
    assert "<|start_header_id|>" in prompt(served(made, "m"))


def test_the_top_levels_template_is_for_tokenizers_without_one(tmp_path: Path) -> None:
    small.write(tmp_path / "tok", small.byte_level())
    made = written(tmp_path, 'chat_template = "gemma"\n[models.m]\ntokenizer = "tok/tokenizer.json"')
    assert made.template_source("m") == made.template_source("other") == "gemma"
    assert served(made, "m").tokenizer is not None


def test_a_template_for_tools_is_the_tokenizers(tmp_path: Path) -> None:
    templates = [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]
    small.write(tmp_path / "tok", small.byte_level(), {"chat_template": templates})
    model = served(written(tmp_path, '[models.m]\ntokenizer = "tok"'), "m")
    assert model.tool_template is not None
    assert (prompt(model), model.tool_template.render(HI, now=NOW)) == ("D", "T")


def test_names_of_one_tokenizer_share_it(tmp_path: Path) -> None:
    small.write(tmp_path / "tok", small.byte_level())
    made = written(tmp_path, '[models.a]\ntokenizer = "tok"\nloras = ["x"]\n[models.b]\ntokenizer = "tok"')
    first = served(made, "a").tokenizer
    assert first is served(made, "b").tokenizer is served(made, "a:x").tokenizer
