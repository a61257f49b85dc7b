"""The built-in chat templates: their names, their sources and the special tokens they need.

For models whose tokenizer is not at hand; a model's own template is always the better one.
Adding a format is a `.jinja` file, a row here and a golden file of published renderings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builtin:
    file: str
    tokens: dict[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of the file, as Jinja expressions."""


_LLAMA: Final = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
_MISTRAL: Final = {"bos_token": "<s>", "eos_token": "</s>"}
_CHATML: Final = {"eos_token": "<|im_end|>"}

_BUILTINS: Final[dict[str, _Builtin]] = {
    "llama3": _Builtin(file="llama3", tokens=_LLAMA),
    "llama3.1": _Builtin(file="llama3", tokens=_LLAMA, settings={"dated": "true"}),
    "chatml": _Builtin(file="chatml", tokens=_CHATML),
    "qwen": _Builtin(
        file="chatml",
        tokens=_CHATML,
        settings={"default_system": "'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.'"},
    ),
    "mistral": _Builtin(file="mistral", tokens=_MISTRAL),
    "mistral-nemo": _Builtin(file="mistral", tokens=_MISTRAL, settings={"tekken": "true"}),
    "gemma": _Builtin(file="gemma", tokens={"bos_token": "<bos>", "eos_token": "<eos>"}),
    "phi": _Builtin(file="phi", tokens=_CHATML),
    "phi3": _Builtin(file="phi3", tokens={"bos_token": "<s>", "eos_token": "<|endoftext|>"}),
    "deepseek": _Builtin(
        file="deepseek",
        tokens={"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},  # noqa: RUF001
    ),
}

BUILTIN: Final = tuple(_BUILTINS)
"""Names of the built-in templates.

`llama3.1` dates the system turn, as Llama 3.1 to 3.3 do; `qwen` is `chatml` with the system message of
Qwen2.5; `mistral` is Mistral 7B v0.3 and its kin (tokenizer v3), `mistral-nemo` the same without
spaces (v3-tekken); `phi` is Phi-4; `deepseek` is V3.
"""


def builtin_source(name: str) -> str:
    """Return the Jinja text of a built-in template; KeyError if the name is not in `BUILTIN`."""
    builtin = _BUILTINS[name]
    settings = "".join(f"{{%- set {key} = {value} %}}" for key, value in builtin.settings.items())
    return settings + files(__name__).joinpath(f"{builtin.file}.jinja").read_text("utf-8")


def builtin_tokens(name: str) -> dict[str, str]:
    """Return the special tokens of a built-in template, where no tokenizer names them."""
    return dict(_BUILTINS[name].tokens)
