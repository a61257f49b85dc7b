"""Settings of one model, and the chat template it names."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - get_type_hints reads the annotations
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003
from typing import Any, Final, Literal

from bridge.chat_templates import builtin_source, builtin_tokens
from bridge.config.checks import DERIVED, demand

Adapter = Literal["auto", "vllm", "dynamo", "llmapi", "trtllm", "text"]
"""The keys of `protocol.translators.TRANSLATORS`, and "auto" for the first that fits."""
Task = Literal["auto", "generate", "embed"]
TextMode = Literal["auto", "delta", "cumulative"]
ToolCallParser = Literal[
    "auto", "none", "deepseek_v3", "deepseek_v3_1", "glm45", "granite", "harmony", "hermes", "kimi_k2",
    "llama3_json", "mistral", "phi4", "pythonic", "qwen3_coder",
]  # fmt: skip
"""The keys of `protocol.tool_calls.PARSERS`, "harmony", "none", and "auto" for what the template tells."""
ReasoningParser = Literal["auto", "none", "granite", "harmony", "mistral", "think"]
"""The keys of `protocol.reasoning.REASONING`, "harmony", "none", and "auto" for what the template tells."""
GuidedDecoding = Literal["auto", "structured_outputs", "guided_decoding", "none"]

_WITH_HARMONY: Final = {"auto", "none", "harmony"}


@dataclass(frozen=True, slots=True)
class Template:
    """A chat template as it was found."""

    name: str
    """Built-in name or file."""
    source: str
    special_tokens: Mapping[str, str] = field(default_factory=dict)


DEFAULT_TEMPLATE: Final = "chatml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Settings of one model: `[models."NAME"]`."""

    triton_model: str | None = None
    """Triton's name of the model; None is the name in requests."""
    version: str = ""
    """Triton's version of it; empty is the latest."""
    adapter: Adapter = "auto"
    """Tensor layout; "auto" chooses by the model's own configuration."""
    task: Task = "auto"
    """What it is served for; "auto" tells by its tensors, which for a vLLM model is always "generate"."""
    chat_template: str | None = None
    """Built-in name or file of a Jinja chat template; None is the top level's."""
    template: Template | None = field(default=None, metadata={DERIVED: True})
    """What `chat_template` names; not a key of the file."""
    tokenizer: Path | None = None
    """Directory or `tokenizer.json` of the model: counts, token-id prompts, its own chat template."""
    tool_call_parser: ToolCallParser = "auto"
    """Spelling of the model's tool calls; "auto" recognises it in the chat template."""
    reasoning_parser: ReasoningParser = "auto"
    """Spelling of the model's reasoning; "auto" recognises it in the chat template."""
    text_mode: TextMode = "auto"
    """Whether a response holds new text ("delta") or all so far ("cumulative"); "auto" knows the families."""
    tensors: Mapping[str, str] = field(default_factory=dict)
    """Names of tensors that differ: of `prompt`, `answer`, `max_tokens`, `stream`, or of a field."""
    guided_decoding: GuidedDecoding = "auto"
    """How constraints reach the model: the key of vLLM's backend since 25.11, the one before, or "none";
    "auto": the first for vLLM, the inputs of TensorRT-LLM."""
    as_parameters: tuple[str, ...] = ()
    """Fields that are sent as request parameters instead of input tensors."""
    strip_bos: bool | None = None
    """Drop a leading beginning-of-sequence token from prompts: the engine adds it itself; None: as its family
    has it."""
    max_tokens: int | None = None
    """Tokens of an answer where the request sets no limit."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Sampling fields by their OpenAI names, for requests that set none."""
    unsupported: Literal["reject", "ignore"] = "reject"
    """What a field that the model cannot carry means: 400, or named in a response header."""
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Triton request parameters of every request."""
    allowed_parameters: tuple[str, ...] = ()
    """Triton request parameters that clients may set by `triton_parameters`."""
    lora: str | None = None
    """The backend's name of the adapter that this model is."""
    loras: tuple[str, ...] = ()
    """Adapters of this model: each is served as NAME:ADAPTER."""
    max_model_len: int | None = None
    """Longest prompt plus answer, in tokens, as shown by /v1/models."""
    upstreams: tuple[str, ...] = ()
    """Addresses, of those in `triton`, that serve it; empty: all that have it."""
    resume: bool = False
    """Go on elsewhere with a greedy answer whose server is lost in mid-stream."""
    owned_by: str = "triton"
    """Shown by /v1/models."""

    def check(self, prefix: str) -> None:
        """Check the values.

        Raises:
            ConfigError: beginning with the key, after `prefix`.
        """
        for key in ("max_tokens", "max_model_len"):
            value = getattr(self, key)
            demand(value is None or value > 0, f"{prefix}.{key}", f"must be > 0, not {value}")
        demand(not self.version or self.version.isdecimal(), f"{prefix}.version", "must be a number")
        read = self.tool_call_parser, self.reasoning_parser
        demand(
            "harmony" not in read or (read[0] in _WITH_HARMONY and read[1] in _WITH_HARMONY - {"none"}),
            f"{prefix}.reasoning_parser",
            "harmony tells reasoning and tool calls at once: it goes with no other parser",
        )
        demand(
            self.lora is None or not self.loras, f"{prefix}.loras", "an adapter has no adapters of its own"
        )


def builtin(name: str) -> Template:
    """Return a built-in chat template; KeyError if there is none of that name."""
    return Template(name, builtin_source(name), builtin_tokens(name))
