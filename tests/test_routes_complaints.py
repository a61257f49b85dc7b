"""What is wrong in the settings of a model is found at the start and named by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError, load
from bridge.routes import Routes
from tests.tokenizers import small

if TYPE_CHECKING:
    from pathlib import Path


def complaint(directory: Path, text: str) -> str:
    """Return what is said of a TOML file; beside it lie some files with faults."""
    (directory / "broken.jinja").write_text("{% if %}")
    (directory / "empty").mkdir()
    small.write(directory / "torn", small.byte_level(), {"chat_template": "{% if %}"})
    small.write(directory / "good", small.byte_level())
    small.write(directory / "odd", small.byte_level(), {"model_max_length": "long"})
    (directory / "none.json").write_text("{}")
    (directory / "bridge.toml").write_text(text)
    config = load(directory / "bridge.toml", {})
    with pytest.raises(ConfigError) as caught:
        Routes(config)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        pytest.param('chat_template = "broken.jinja"', "chat_template", "line 1", id="the template of all"),
        pytest.param(
            '[models.m]\nchat_template = "broken.jinja"', "models.m.chat_template", "line 1", id="a template"
        ),
        pytest.param('[models.m]\ntokenizer = "torn"', "models.m.tokenizer", "line 1", id="its template"),
        pytest.param('[models.m]\ntokenizer = "nowhere"', "models.m.tokenizer", "nowhere", id="no files"),
        pytest.param('[models.m]\ntokenizer = "empty"', "models.m.tokenizer", "tokenizer.json", id="no file"),
        pytest.param('[models.m]\ntokenizer = "none.json"', "models.m.tokenizer", "none.json", id="broken"),
        pytest.param('[models.m]\ntokenizer = "odd"', "models.m.tokenizer", "model_max_length", id="a key"),
        pytest.param(
            "[models.m.defaults]\nheat = 1", "models.m.defaults.heat", "temperature", id="unknown default"
        ),
        pytest.param(
            "[models.m.defaults]\nmax_tokens = 1", "models.m.defaults.max_tokens", "unknown", id="a limit"
        ),
        pytest.param(
            "[models.m.defaults]\nn = 2", "models.m.defaults.n", "unknown", id="what the bridge does"
        ),
        pytest.param(
            '[models.m.defaults]\ntemperature = "hot"',
            "models.m.defaults.temperature",
            "number",
            id="a default of another type",
        ),
        pytest.param(
            "[models.m.defaults]\ntemperature = 9",
            "models.m.defaults.temperature",
            "at most 2",
            id="a default out of range",
        ),
        pytest.param(
            '[models.m.defaults]\nstop = ["a", ""]',
            "models.m.defaults.stop[1]",
            "empty",
            id="an empty default",
        ),
        pytest.param(
            '[models.m.tensors]\nheat = "x"', "models.m.tensors.heat", "temperature", id="unknown tensor"
        ),
        pytest.param(
            '[models.m.tensors]\nlogit_bias = "x"',
            "models.m.tensors.logit_bias",
            "unknown",
            id="what no tensor holds",
        ),
        pytest.param(
            '[models.m]\nas_parameters = ["heat"]', "models.m.as_parameters.heat", "temperature", id="unknown"
        ),
        pytest.param(
            '[models.m]\nas_parameters = ["stop"]',
            "models.m.as_parameters.stop",
            "unknown",
            id="what no parameter holds",
        ),
        pytest.param(
            '[models.m]\nas_parameters = ["prompt"]',
            "models.m.as_parameters.prompt",
            "unknown",
            id="the prompt is a tensor",
        ),
    ],
)
def test_a_fault_names_its_key(tmp_path: Path, text: str, key: str, what: str) -> None:
    said = complaint(tmp_path, text)
    assert said.startswith(f"{key}: ")
    assert what in said


def test_a_fault_in_the_second_model_is_found_too(tmp_path: Path) -> None:
    text = '[models.a]\ntokenizer = "good"\n[models.b]\ntokenizer = "empty"'
    assert complaint(tmp_path, text).startswith("models.b.tokenizer: ")
