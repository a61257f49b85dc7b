"""How each model gets its prompts: its chat template and its tokenizer, loaded when the bridge starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.config import ConfigError
from bridge.protocol.chat_template import ChatTemplate
from bridge.tokenizer_files import TokenizerFiles, load

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Config, ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompting:
    """How one model gets its prompts."""

    source: str
    """Where the template is from, for people."""
    template: ChatTemplate
    tool_template: ChatTemplate | None
    """For conversations with tools; None: as without."""
    files: TokenizerFiles | None


class Prompts:
    """Loads templates and tokenizers; models that name the same tokenizer share it."""

    def __init__(self, config: Config) -> None:
        """Load nothing yet; `config` has the template of models that set none."""
        self._config = config
        self._files: dict[Path, TokenizerFiles] = {}

    def of(self, settings: ModelConfig, prefix: str) -> Prompting:
        """Return how a model gets its prompts.

        Args:
            settings: of the model.
            prefix: goes before the keys of complaints.

        Raises:
            ConfigError: beginning with the key that is wrong.
        """
        key = f"{prefix}tokenizer"
        files = self._tokenizer(settings.tokenizer, key) if settings.tokenizer else None
        try:
            if files is not None and settings.template is None and files.chat_template:
                tokens, tool = files.special_tokens, files.tool_template
                return Prompting(
                    source="the tokenizer's",
                    template=ChatTemplate(files.chat_template, tokens, strip_bos=settings.strip_bos),
                    tool_template=ChatTemplate(tool, tokens, strip_bos=settings.strip_bos) if tool else None,
                    files=files,
                )
            key = f"{prefix}chat_template"
            template = settings.template or self._config.template_of("")
            compiled = ChatTemplate(template.source, template.special_tokens, strip_bos=settings.strip_bos)
        except ValueError as exc:
            raise ConfigError(f"{key}: {exc}") from exc
        return Prompting(source=template.name, template=compiled, tool_template=None, files=files)

    def _tokenizer(self, path: Path, key: str) -> TokenizerFiles:
        if path not in self._files:
            try:
                files = load(path)
                files.tokenizer  # noqa: B018 - a broken one must be found now, not by a request
            except (OSError, ValueError) as exc:
                raise ConfigError(f"{key}: {exc}") from exc
            self._files[path] = files
        return self._files[path]
