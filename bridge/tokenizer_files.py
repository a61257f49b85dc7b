"""Reads the files of a tokenizer, as Hugging Face lays them out. All other code gets their content.

A directory may hold `tokenizer.json` (required), `tokenizer_config.json`, `special_tokens_map.json`,
`chat_template.jinja` and `additional_chat_templates/*.jinja`. A single file is a `tokenizer.json` alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.protocol.tokenizer import Tokenizer
from bridge.protocol.tokenizer_config import DEFAULT_TEMPLATE, TOOL_TEMPLATE, TokenizerConfig, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKENIZER: Final = "tokenizer.json"
CONFIG: Final = "tokenizer_config.json"
SPECIAL_TOKENS: Final = "special_tokens_map.json"
TEMPLATE: Final = "chat_template.jinja"
MORE_TEMPLATES: Final = "additional_chat_templates"


@dataclass(frozen=True)
class TokenizerFiles:
    """What one directory or file says. The small files are read already."""

    path: Path
    """The `tokenizer.json`."""
    config: TokenizerConfig
    chat_templates: Mapping[str, str]
    """Jinja texts by name: files win over `tokenizer_config.json`."""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, built when first asked for: up to a second for 100,000 tokens. Ask at the start.

        Raises:
            ValueError: the file cannot be read or is broken; the package `tokenizers` is missing.
        """
        bos = self.config.special_tokens.get("bos_token")
        source = _read(self.path)
        try:
            return Tokenizer(source, bos_token=bos, add_bos_token=self.config.add_bos_token)
        except ValueError as exc:
            raise ValueError(f"{self.path}: {exc}") from exc

    @property
    def special_tokens(self) -> Mapping[str, str]:
        """Variables of the chat templates, such as `bos_token`."""
        return self.config.special_tokens

    @property
    def chat_template(self) -> str | None:
        """The chat template, if there is one."""
        return self.chat_templates.get(DEFAULT_TEMPLATE)

    @property
    def tool_template(self) -> str | None:
        """The chat template for requests with tools, if they have one of their own."""
        return self.chat_templates.get(TOOL_TEMPLATE)

    @property
    def max_model_len(self) -> int | None:
        """Longest prompt plus answer, in tokens, as the tokenizer's author states it."""
        return self.config.max_model_len


def load(path: Path) -> TokenizerFiles:
    """Read a tokenizer's directory or `tokenizer.json`.

    Raises:
        ValueError: a file is missing, unreadable or broken; the text begins with its path, and names the
            key in it.
    """
    # Else the package keeps a thread per core, for batches that the bridge never has.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if path.is_file():
        return TokenizerFiles(path, TokenizerConfig(), {})
    if not (path / TOKENIZER).is_file():
        what = f"holds no {TOKENIZER}" if path.is_dir() else "no such file or directory"
        raise ValueError(f"{path}: {what}")
    config = _config(path)
    return TokenizerFiles(path / TOKENIZER, config, {**config.chat_templates, **_template_files(path)})


def _config(directory: Path) -> TokenizerConfig:
    """Read the two JSON files; a fault is told with the file that holds it."""
    special, main = _json(directory / SPECIAL_TOKENS), _json(directory / CONFIG)
    for name, arguments in ((SPECIAL_TOKENS, (None, special)), (CONFIG, (main, special))):
        try:
            config = parse(*arguments)
        except ValueError as exc:
            raise ValueError(f"{directory / name}: {exc}") from exc
    return config


def _template_files(directory: Path) -> dict[str, str]:
    files = {file.stem: file for file in sorted((directory / MORE_TEMPLATES).glob("*.jinja"))}
    if (directory / TEMPLATE).is_file():
        files[DEFAULT_TEMPLATE] = directory / TEMPLATE
    return {name: _text(file) for name, file in files.items()}


def _json(path: Path) -> Any:
    """Return the JSON of a file, None if there is no such file."""
    if not path.is_file():
        return None
    try:
        return orjson.loads(_read(path))
    except orjson.JSONDecodeError as exc:
        raise ValueError(f"{path}: not JSON: {exc}") from exc


def _text(path: Path) -> str:
    try:
        return _read(path).decode()
    except UnicodeDecodeError as exc:
        raise ValueError(f"{path}: not UTF-8: {exc.reason} at byte {exc.start}") from exc


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ValueError(f"{path}: {exc.strerror}") from exc
