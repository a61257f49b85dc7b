"""The configuration: every key, and that every complaint begins with the key's name."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from bridge.chat_templates import BUILTIN
from bridge.config import Config, Dynamo, Limits, ModelConfig, Nats, Tls, TritonTls, UpstreamTls, load
from bridge.config.checks import DERIVED

# Key -> (TOML value, what it becomes). Every default is another value.
TOP: dict[str, tuple[str, Any]] = {
    "host": ('"0.0.0.0"', "0.0.0.0"),
    "http_port": ("0", 0),
    "grpc_port": ("65535", 65535),
    "workers": ("4", 4),
    "triton": ('"localhost:8001"', "localhost:8001"),
    "upstream": ('"grpc://[::1]:50051"', "grpc://[::1]:50051"),
    "upstream_key_file": ('"keys.txt"\nupstream = "grpc://a:1"', Path("keys.txt")),
    "upstream_tls": ('{ ca = "/ca" }\nupstream = "grpcs://a:1"', UpstreamTls(ca=Path("/ca"))),
    "default_model": ('"demo"', "demo"),
    "chat_template": ('"llama3"', "llama3"),
    "unknown_fields": ('"reject"', "reject"),
    "reasoning_field": ('"reasoning"', "reasoning"),
    "max_request_bytes": ("1024", 1024),
    "max_response_bytes": ("2048", 2048),
    "request_timeout": ("1.5", 1.5),
    "first_token_timeout": ("2", 2.0),
    "token_timeout": ("3", 3.0),
    "keep_alive": ("4", 4.0),
    "poll_interval": ("0.5", 0.5),
    "stall_timeout": ("5", 5.0),
    "max_buffered_bytes": ("8192", 8192),
    "triton_transport": ('"grpcio"', "grpcio"),
    "drain_timeout": ("0", 0.0),
    "log_level": ('"debug"', "debug"),
    "log_format": ('"json"', "json"),
    "tracing": ("true", True),
    "serve_unconfigured": ("false", False),
    "key_file": ('"keys.toml"', Path("keys.toml")),
    "protect_metrics": ('true\nkey_file = "keys.toml"', True),
    "cors_origins": ('["https://a.example", "*"]', ("https://a.example", "*")),
    "limits": ("{ max_n = 2 }", Limits(max_n=2)),
    "tls": ('{ certificate = "/c", key = "/k" }', Tls(certificate=Path("/c"), key=Path("/k"))),
    "dynamo": ('{ url = "file:///kv", port = 9000 }', Dynamo(url="file:///kv", port=9000)),
    "nats": ('{ prefix = "tenant", ca = "/ca" }', Nats(prefix="tenant", ca=Path("/ca"))),
    "triton_tls": ('{ server_name = "triton" }', TritonTls(server_name="triton")),
    "triton_headers": ('{ name = "keys.txt" }', {"name": Path("keys.txt")}),
    "image_hosts": ('["a", "b:81"]', ("a", "b:81")),
    "image_private_hosts": ('["a"]', ("a",)),
    "max_image_bytes": ("4096", 4096),
    "image_timeout": ("2.5", 2.5),
}
MODEL: dict[str, tuple[str, Any]] = {
    "triton_model": ('"llama"', "llama"),
    "version": ('"3"', "3"),
    "adapter": ('"vllm"', "vllm"),
    "task": ('"embed"', "embed"),
    "chat_template": ('"mistral"', "mistral"),
    "strip_bos": ("false", False),
    "max_tokens": ("99", 99),
    "max_model_len": ("4096", 4096),
    "owned_by": ('"me"', "me"),
    "upstreams": ('["a:1"]', ("a:1",)),
    "resume": ("true", True),
    "tokenizer": ('"tok/tokenizer.json"', Path("tok/tokenizer.json")),
    "text_mode": ('"cumulative"', "cumulative"),
    "tool_call_parser": ('"hermes"', "hermes"),
    "reasoning_parser": ('"think"', "think"),
    "tensors": ('{ prompt = "question" }', {"prompt": "question"}),
    "guided_decoding": ('"none"', "none"),
    "as_parameters": ('["seed"]', ("seed",)),
    "defaults": ('{ temperature = 0.5, stop = ["a"] }', {"temperature": 0.5, "stop": ["a"]}),
    "unsupported": ('"ignore"', "ignore"),
    "parameters": ('{ a = "x", b = 1, c = 0.5, d = true }', {"a": "x", "b": 1, "c": 0.5, "d": True}),
    "allowed_parameters": ('["depth"]', ("depth",)),
    "lora": ('"sql"', "sql"),
    "loras": ('["sql", "de"]', ("sql", "de")),
}


def loaded(tmp_path: Path, text: str, **flags: Any) -> Config:
    (tmp_path / "keys.txt").write_text("key")
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    return load(path, flags)


def complaint(tmp_path: Path, text: str, **flags: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what the callers look at
        loaded(tmp_path, text, **flags)
    return str(caught.value)


def placed(directory: Path, value: Any) -> Any:
    """Return a value whose paths begin where the file is."""
    if isinstance(value, dict):
        return {key: placed(directory, item) for key, item in value.items()}
    return directory / value if isinstance(value, Path) else value


@pytest.mark.parametrize(("cls", "table"), [(Config, TOP), (ModelConfig, MODEL)])
def test_every_key_is_tried(cls: type[Any], table: dict[str, Any]) -> None:
    assert {item.name for item in fields(cls) if not item.metadata.get(DERIVED)} == set(table)


@pytest.mark.parametrize("key", TOP)
def test_a_key_is_read(tmp_path: Path, key: str) -> None:
    text, value = TOP[key]
    found = getattr(loaded(tmp_path, f"{key} = {text}"), key)
    expected = placed(tmp_path, value)
    assert (found, type(found)) == (expected, type(expected))
    assert getattr(Config(), key) != value


@pytest.mark.parametrize("key", MODEL)
def test_a_models_key_is_read(tmp_path: Path, key: str) -> None:
    text, value = MODEL[key]
    config = loaded(tmp_path, f'[models."org/m"]\n{key} = {text}')
    assert getattr(config.model("org/m"), key) == placed(tmp_path, value)
    assert getattr(config.model("other"), key) != value


@pytest.mark.parametrize("key", TOP)
def test_a_wrong_type_is_named(tmp_path: Path, key: str) -> None:
    assert complaint(tmp_path, f"{key} = [1]").startswith(f"{key}: must be ")


@pytest.mark.parametrize("key", MODEL)
def test_a_models_wrong_type_is_named(tmp_path: Path, key: str) -> None:
    assert complaint(tmp_path, f'[models."org/m"]\n{key} = [1]').startswith(f"models.org/m.{key}: must be ")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param('host = ""', "host", id="no address"),
        pytest.param("http_port = 65536", "http_port", id="port too large"),
        pytest.param("grpc_port = -1", "grpc_port", id="negative port"),
        pytest.param("http_port = true", "http_port", id="a boolean is no number"),
        pytest.param("http_port = 1.0", "http_port", id="a float is no integer"),
        pytest.param("workers = 0", "workers", id="no process"),
        pytest.param("request_timeout = 0", "request_timeout", id="no time"),
        pytest.param("token_timeout = -1", "token_timeout", id="negative time"),
        pytest.param("keep_alive = nan", "keep_alive", id="no number"),
        pytest.param("poll_interval = inf", "poll_interval", id="never"),
        pytest.param("drain_timeout = -0.5", "drain_timeout", id="negative drain"),
        pytest.param("protect_metrics = true", "protect_metrics", id="protected by no key"),
        pytest.param("max_request_bytes = 0", "max_request_bytes", id="no room"),
        pytest.param("max_response_bytes = 2147483648", "max_response_bytes", id="more than gRPC can"),
        pytest.param('log_level = "loud"', "log_level", id="unknown level"),
        pytest.param('unknown_fields = "drop"', "unknown_fields", id="unknown word"),
        pytest.param('triton = "localhost"', "triton", id="no port"),
        pytest.param('triton = ":8001"', "triton", id="no host"),
        pytest.param('triton = "http://localhost:8001"', "triton", id="a URL"),
        pytest.param('triton = "localhost:99999"', "triton", id="no such port"),
        pytest.param('upstream = "localhost:50051"', "upstream", id="no scheme"),
        pytest.param('upstream = "http://localhost:50051"', "upstream", id="wrong scheme"),
        pytest.param('upstream = "grpc://localhost"', "upstream", id="upstream without port"),
        pytest.param('triton = "a:1"\nupstream = "grpc://b:2"', "upstream", id="two upstreams"),
        pytest.param("nonsense = 1", "nonsense", id="unknown key"),
        pytest.param('template = "x"', "template", id="a field that is no key"),
        pytest.param("models = 1", "models", id="models is no table"),
        pytest.param("[models]\nm = 1", "models.m", id="a model is no table"),
        pytest.param("[models.m]\nnonsense = 1", "models.m.nonsense", id="unknown key of a model"),
        pytest.param("[models.m]\nmax_tokens = 0", "models.m.max_tokens", id="no tokens"),
        pytest.param("[models.m]\nmax_model_len = -1", "models.m.max_model_len", id="negative length"),
        pytest.param('[models.m]\nadapter = "tgi"', "models.m.adapter", id="unknown adapter"),
        pytest.param("max_image_bytes = 0", "max_image_bytes", id="no room for images"),
        pytest.param("image_timeout = 0", "image_timeout", id="no time for images"),
        pytest.param(
            'triton_header_values = { a = "b" }', "triton_header_values", id="headers have files of their own"
        ),
        pytest.param('[models.m]\nversion = "v1"', "models.m.version", id="a version that is no number"),
        pytest.param('[models.m]\nlora = "a"\nloras = ["b"]', "models.m.loras", id="an adapter's adapters"),
        pytest.param('[models.m]\ntext_mode = "both"', "models.m.text_mode", id="unknown text mode"),
        pytest.param(
            '[models.m]\nunsupported = "drop"', "models.m.unsupported", id="unknown word of a model"
        ),
        pytest.param("[models.m.tensors]\nprompt = 1", "models.m.tensors.prompt", id="a tensor is no number"),
        pytest.param(
            "[models.m.parameters]\na = [1]", "models.m.parameters.a", id="a parameter of many values"
        ),
        pytest.param(
            '[models.m]\nguided_decoding = "xgrammar"', "models.m.guided_decoding", id="unknown key"
        ),
        pytest.param('[models.m]\nas_parameters = "seed"', "models.m.as_parameters", id="one name, no array"),
        pytest.param('chat_template = "nowhere.jinja"', "chat_template", id="no such template"),
        pytest.param(
            '[models.m]\nchat_template = "nowhere.jinja"',
            "models.m.chat_template",
            id="no such model template",
        ),
    ],
)
def test_a_complaint_begins_with_the_key(tmp_path: Path, text: str, key: str) -> None:
    assert complaint(tmp_path, text).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('http_port = "8080"', "http_port: must be an integer, not '8080'", id="integer"),
        pytest.param("keep_alive = true", "keep_alive: must be a number, not True", id="number"),
        pytest.param(
            "serve_unconfigured = 1", "serve_unconfigured: must be true or false, not 1", id="switch"
        ),
        pytest.param("[models.m]\nversion = 1", "models.m.version: must be a string, not 1", id="string"),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_toml(tmp_path: Path, text: str, words: str) -> None:
    assert complaint(tmp_path, text) == words


def test_a_complaint_lists_what_is_known(tmp_path: Path) -> None:
    assert "known are host, http_port, " in complaint(tmp_path, "hots = 1")
    assert "vllm" in complaint(tmp_path, '[models.m]\nadapter = "tgi"')
    assert all(name in complaint(tmp_path, 'chat_template = "nowhere"') for name in BUILTIN)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    text = complaint(tmp_path, "http_port = ?")
    assert text.startswith("not TOML: ")
    assert "line 1" in text


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path / "nowhere.toml", {})
    assert "nowhere.toml" in str(caught.value)


def test_without_a_file_the_defaults_hold() -> None:
    config = load(None, {})
    assert (config.host, config.http_port, config.grpc_port) == ("127.0.0.1", 8080, 50051)
    assert config == Config(template=config.template)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'http_port = 1\nhost = "a"', http_port=2, grpc_port=None, host=None)
    assert (config.http_port, config.host, config.grpc_port) == (2, "a", 50051)


def test_flags_are_checked_too(tmp_path: Path) -> None:
    assert complaint(tmp_path, "", http_port=70000).startswith("http_port: ")


def test_the_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().http_port = 1  # type: ignore[misc]
