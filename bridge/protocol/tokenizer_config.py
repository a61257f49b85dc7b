"""What stands beside a tokenizer: special tokens, chat templates, the model's length.

Reads the JSON of `tokenizer_config.json` and `special_tokens_map.json`, as Hugging Face's transformers
writes them in its several ways; keys that say nothing to the bridge are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LENGTH: Final = 2**31 - 1
"""Tokens. A greater `model_max_length` (10^30 is common) means that there is no limit."""

DEFAULT_TEMPLATE: Final = "default"
TOOL_TEMPLATE: Final = "tool_use"

_TOKENS: Final = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The configuration of one tokenizer."""

    special_tokens: Mapping[str, str] = field(default_factory=dict)
    """Variables of chat templates, such as `bos_token`."""
    chat_templates: Mapping[str, str] = field(default_factory=dict)
    """Jinja texts by name; the one without a name is `DEFAULT_TEMPLATE`."""
    max_model_len: int | None = None
    """Longest prompt plus answer, in tokens."""
    add_bos_token: bool | None = None
    """Whether `bos_token` begins every text; None: as `tokenizer.json` has it."""


def parse(config: Any, special_tokens_map: Any = None) -> TokenizerConfig:
    """Read a configuration.

    Args:
        config: JSON of `tokenizer_config.json`, or None.
        special_tokens_map: JSON of `special_tokens_map.json`, or None; `config` wins over it.

    Raises:
        ValueError: a value has the wrong type; the text begins with its key.
    """
    table = _object(config)
    tokens = _special_tokens(_object(special_tokens_map)) | _special_tokens(table)
    add_bos = table.get("add_bos_token")
    if add_bos is not None and not isinstance(add_bos, bool):
        raise ValueError("add_bos_token: must be a boolean")
    return TokenizerConfig(
        special_tokens=tokens,
        chat_templates=_chat_templates(table.get("chat_template")),
        max_model_len=_max_length(table.get("model_max_length")),
        add_bos_token=add_bos,
    )


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - as for every other fault of a file
    return value


def _special_tokens(table: dict[str, Any]) -> dict[str, str]:
    """Return the tokens that have a name: the seven of all tokenizers, and a model's own."""
    extra = table.get("extra_special_tokens")
    named = {**table, **(extra if isinstance(extra, dict) else {})}
    tokens: dict[str, str] = {}
    for key, value in named.items():
        text = value.get("content") if isinstance(value, dict) else value
        if not key.endswith("_token") or value is None:
            continue
        if isinstance(text, str):
            tokens[key] = text
        elif key in _TOKENS:  # others may be switches, such as `add_bos_token`
            raise ValueError(f"{key}: must be a string or an object with 'content'")
    return tokens


def _chat_templates(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {DEFAULT_TEMPLATE: value}
    if not isinstance(value, list):
        raise ValueError("chat_template: must be a string or an array")  # noqa: TRY004 - see above
    templates: dict[str, str] = {}
    for at, entry in enumerate(value):
        if isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("name", "template")):
            templates[entry["name"]] = entry["template"]
        else:
            raise ValueError(f"chat_template[{at}]: must be an object with the strings 'name' and 'template'")
    return templates


def _max_length(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 1:
        raise ValueError("model_max_length: must be a number >= 1")
    return int(value) if value <= MAX_LENGTH else None
