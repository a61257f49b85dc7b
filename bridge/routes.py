"""Names in requests to models of Triton: what the configuration and Triton's own models amount to.

Everything a model needs besides its tensors is checked when the bridge starts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.config import ConfigError, ModelConfig
from bridge.errors import BridgeError
from bridge.handlers.routing import Route
from bridge.prompting import Prompts
from bridge.protocol import openai_json
from bridge.protocol.choices import carried, check_common
from bridge.protocol.embedders import choose_task
from bridge.protocol.generation import Generation
from bridge.protocol.model import EmbeddingModel, Model
from bridge.protocol.request_fields import CHAT, Handling, forwarded
from bridge.protocol.translators import UnservableError
from bridge.protocol.translators.typed_inputs import REFUSED, ROLES, Overrides
from bridge.protocol.triton_parameters import request_parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bridge.config import Config
    from bridge.protocol.signature import Signature

LORA_SEPARATOR = ":"
"""Between a model and one of its adapters."""


class Routes:
    """Makes the models that requests name; see `handlers.routing.Routing`."""

    def __init__(self, config: Config) -> None:
        """Load every tokenizer and compile every chat template.

        Raises:
            ConfigError: beginning with the key that is wrong.
        """
        self._config = config
        self._settings = {
            name: model for base, entry in config.models.items() for name, model in _named(base, entry)
        }
        prompts = Prompts(config)
        self._default = prompts.of(ModelConfig(), "")
        self._prompts = {
            name: prompts.of(settings, f"models.{name}.") for name, settings in self._settings.items()
        }
        for name, settings in self._settings.items():
            _check_fields(f"models.{name}", settings)
        self._defaults = {
            name: _defaults(f"models.{name}.defaults", settings) for name, settings in self._settings.items()
        }

    @property
    def required(self) -> Collection[str]:
        """Names that must be ready for the bridge to be ready."""
        return self._settings

    @property
    def default(self) -> str | None:
        """The model of requests that name none."""
        return self._config.default_model

    @property
    def upstreams(self) -> Mapping[str, Collection[str]]:
        """Addresses of the servers that serve a model, by its name; models that all serve are not in it."""
        return {name: model.upstreams for name, model in self._settings.items() if model.upstreams}

    def triton_name(self, name: str) -> str:
        """Return Triton's name of a model."""
        settings = self._settings.get(name)
        return (settings.triton_model if settings else None) or name

    def routes(self, ready: Collection[str]) -> list[Route]:
        """Return the names that Triton's ready models are served under."""
        configured = [
            Route(name=name, triton_model=settings.triton_model or name, version=settings.version)
            for name, settings in self._settings.items()
        ]
        if self._config.serve_unconfigured:
            taken = {route.triton_model for route in configured} | self._settings.keys()
            configured += [Route(name=name, triton_model=name) for name in ready if name not in taken]
        return [route for route in configured if route.triton_model in ready]

    def template_source(self, name: str) -> str:
        """Return where a model's chat template is from: a built-in name, a file, or its tokenizer."""
        return self._prompts.get(name, self._default).source

    def make(self, name: str, signature: Signature, created: int) -> Model | EmbeddingModel:
        """Return the model that a name stands for.

        Raises:
            UnservableError: its tensors fit no layout, or the adapter is for another one.
        """
        settings = self._settings.get(name, ModelConfig())
        overrides = Overrides(
            text_mode=None if settings.text_mode == "auto" else settings.text_mode,
            tensors=settings.tensors,
            as_parameters=frozenset(settings.as_parameters),
            guided_decoding=None if settings.guided_decoding == "auto" else settings.guided_decoding,
        )
        translator, embedder = choose_task(signature, settings.task, settings.adapter, overrides)
        prompting = self._prompts.get(name, self._default)
        files = prompting.files
        length = settings.max_model_len or (files.max_model_len if files else None)
        cancellable = signature.platform != "ensemble"  # a cancelled one stays in Triton for ever
        if embedder is not None:
            return EmbeddingModel(
                id=name,
                created=created,
                embedder=embedder,
                tokenizer=files.tokenizer if files else None,
                owned_by=settings.owned_by,
                max_model_len=length,
                cancellable=cancellable,
            )
        if translator is None or (settings.lora and translator.family != "vllm"):
            raise UnservableError("an adapter (lora) needs a model of the vLLM backend")
        if translator.family != "vllm" and settings.guided_decoding not in {"auto", "none"}:
            key = settings.guided_decoding
            raise UnservableError(f"guided_decoding = {key!r} needs a model of the vLLM backend")
        model = Model(
            id=name,
            created=created,
            translator=translator,
            template=prompting.template,
            tool_template=prompting.tool_template,
            tool_call_parser=prompting.tool_call_parser,
            reasoning_parser=prompting.reasoning_parser,
            tokenizer=files.tokenizer if files else None,
            adds_special_tokens=translator.adds_special_tokens
            if settings.strip_bos is None
            else settings.strip_bos,
            owned_by=settings.owned_by,
            default_max_tokens=settings.max_tokens,
            max_model_len=length,
            defaults=self._defaults.get(name, {}),
            unsupported=settings.unsupported,
            parameters=settings.parameters,
            allowed_parameters=frozenset(settings.allowed_parameters),
            cancellable=cancellable,
            resume=settings.resume,
            priority_levels=signature.priority_levels,
            lora=settings.lora,
            parent=self._parent(name, settings) if settings.lora else None,
        )
        _probe_defaults(model)
        return model

    def _parent(self, name: str, settings: ModelConfig) -> str:
        """Return the model that an adapter belongs to, by its name in requests where it has one."""
        base = name.removesuffix(f"{LORA_SEPARATOR}{settings.lora}")
        return base if base != name and base in self._settings else self.triton_name(name)


def _probe_defaults(model: Model) -> None:
    """Check that a model can carry its defaults."""
    limited = model.default_max_tokens is not None and model.unsupported == "reject"
    if limited and model.translator.carriers()["max_tokens"] == REFUSED:
        raise UnservableError("its max_tokens does not fit it: it takes no limit")
    try:
        sampling, _ = carried(model.defaults, model)
        parameters = request_parameters(model.defaults, model)
        probe = Generation(
            request_id="probe", prompt="", max_tokens=1, sampling=sampling, parameters=parameters
        )
        model.translator.request(probe)
    except BridgeError as exc:
        raise UnservableError(f"its defaults do not fit it: {exc.message}") from exc


def _named(base: str, settings: ModelConfig) -> list[tuple[str, ModelConfig]]:
    """Return a configured model and its adapters by their names."""
    triton_model = settings.triton_model or base
    adapters = [
        (f"{base}{LORA_SEPARATOR}{lora}", replace(settings, triton_model=triton_model, lora=lora, loras=()))
        for lora in settings.loras
    ]
    return [(base, settings), *adapters]


def _check_fields(key: str, settings: ModelConfig) -> None:
    """Check the names of fields that a model's settings hold."""
    known = {name for name, field in CHAT.items() if field.handling is Handling.FORWARD}
    for part, names, allowed in (
        ("defaults", settings.defaults, known),
        ("tensors", settings.tensors, {*filter(_scalar, known), *ROLES}),
        ("as_parameters", settings.as_parameters, {*filter(_single, known), "max_tokens"}),
    ):
        for name in names:
            if name not in allowed:
                raise ConfigError(
                    f"{key}.{part}.{name}: unknown field; known are {', '.join(sorted(allowed))}"
                )


def _scalar(field: str) -> bool:
    """Tell whether a field holds one or more plain values, as a tensor does."""
    return CreateChatCompletionRequest.DESCRIPTOR.fields_by_name[field].message_type is None


def _single(field: str) -> bool:
    """Tell whether a field holds one plain value, as a request parameter does."""
    return _scalar(field) and not CreateChatCompletionRequest.DESCRIPTOR.fields_by_name[field].is_repeated


def _defaults(key: str, settings: ModelConfig) -> Mapping[str, Any]:
    """Return a model's defaults as a request that sets them would have them."""
    try:
        request = openai_json.read(
            CreateChatCompletionRequest, {**settings.defaults, "messages": [{"role": "user", "content": ""}]}
        ).message
        check_common(request, streaming=True)
        return forwarded(request, CHAT, "")
    except BridgeError as exc:
        raise ConfigError(f"{key}.{exc.param}: {exc.message}") from exc
