"""Models that take each parameter as an input tensor of its own: all families but vLLM's.

What a family calls its tensors is a `Layout`; how a request is made of it is the same for all, and here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.protocol.constraints import FIELDS, check_carried
from bridge.protocol.images import image_input, image_inputs
from bridge.protocol.request_fields import FORWARD_NEUTRAL, refusal
from bridge.protocol.translators.engine_stop import engine_of, stop_request
from bridge.protocol.translators.text_reader import TextReader

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping

    from bridge.protocol.constraints import Constraint
    from bridge.protocol.generation import Generation
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar
    from bridge.protocol.text_mode import TextMode

Names: TypeAlias = tuple[str, ...]
"""Names of one tensor in different models; the first that a model declares is meant."""

REFUSED = "refused"
"""In `carriers`: a request that sets the field is a 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The tensors of one family."""

    prompt: Names
    answer: Names
    stream: Names
    max_tokens: Names
    exclude_prompt: Names
    """Keep the prompt out of the answer."""
    cumulative_logprob: tuple[Names, str] = ((), "")
    """Inputs that ask for it, and the output that holds it."""
    flags: Mapping[str, str]
    """Inputs that are always true where they are declared -> the output each one switches on."""
    fields: Mapping[str, Names]
    """Field of class F -> the inputs that carry it."""
    why: Mapping[str, str] = field(default_factory=dict)
    """Field that the family cannot carry -> why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the operator says of a model's tensors, where its family is wrong or does not know."""

    text_mode: TextMode | None = None
    """What the text of a response is."""
    tensors: Mapping[str, str] = field(default_factory=dict)
    """`prompt`, `answer`, `stream`, `max_tokens`, `exclude_prompt` or a field of class F -> tensor name."""
    as_parameters: frozenset[str] = frozenset()
    """`max_tokens` and fields of class F that travel as request parameters."""
    guided_decoding: str | None = None
    """How a constraint reaches the model: a key of `sampling_parameters` (vLLM), or "none"."""

    def layout(self, family: Layout) -> Layout:
        """Return a family's layout with this model's names."""
        if not self.tensors:
            return family
        names = {key: (name,) for key, name in self.tensors.items()}
        return replace(
            family,
            prompt=names.pop("prompt", family.prompt),
            answer=names.pop("answer", family.answer),
            stream=names.pop("stream", family.stream),
            max_tokens=names.pop("max_tokens", family.max_tokens),
            exclude_prompt=names.pop("exclude_prompt", family.exclude_prompt),
            fields={**family.fields, **names},
        )


ROLES = frozenset({"prompt", "answer", "stream", "max_tokens", "exclude_prompt"})
"""Keys of `Overrides.tensors` that are no fields of requests."""


class TypedTranslator(ABC):
    """Builds requests for one model and reads its responses."""

    family: str
    cuts_stop_strings: bool = False
    adds_special_tokens: bool = True
    constraints: Collection[str] = frozenset()
    layout: Layout

    def __init__(self, signature: Signature, overrides: Overrides = Overrides()) -> None:
        """Find the model's tensors.

        Args:
            signature: of the model.
            overrides: what the operator says of it.
        """
        self._signature = signature
        self._engine = engine_of(signature.steps)
        self._text_mode = overrides.text_mode or self.usual_text_mode(signature)
        self._as_parameters = overrides.as_parameters
        self.layout = layout = overrides.layout(self.layout)
        self.why = layout.why
        self._answer = first(layout.answer, signature.outputs) or layout.answer[0]
        self._max_tokens = first(layout.max_tokens, signature.inputs)
        self._flags = tuple(name for name in layout.flags if name in signature.inputs)
        self._outputs = (self._answer, *layout.flags.values())
        self.takes_images = image_input(signature) is not None
        self.ranks = self._ranking() is not None

    @staticmethod
    @abstractmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout."""

    @staticmethod
    def usual_text_mode(signature: Signature) -> TextMode:  # noqa: ARG004 - for families that look at it
        """Return what the text of a response is, where the configuration does not say."""
        return "delta"

    def request(self, generation: Generation) -> ModelInferRequest:
        """See `Translator.request`."""
        layout, inputs = self.layout, self._signature.inputs
        values: dict[str, tuple[Scalar, ...]] = {
            first(layout.prompt, inputs) or layout.prompt[0]: (generation.prompt,),
            **dict.fromkeys(self._flags, (True,)),
        }
        parameters = dict(generation.parameters)
        if "max_tokens" in self._as_parameters:
            parameters["max_tokens"] = generation.max_tokens
        elif self._max_tokens:
            values[self._max_tokens] = (generation.max_tokens,)
        elif generation.max_tokens_param:
            raise self._refusal(generation.max_tokens_param)
        if generation.logprobs is not None:
            raise self._refusal("logprobs")
        if stream := first(layout.stream, inputs):
            values[stream] = (self._signature.decoupled,)
        if exclude := first(layout.exclude_prompt, inputs):
            values[exclude] = (True,)
        wanted = self._outputs
        if generation.cumulative_logprob and (flag := self._ranking()):
            values[flag] = (True,)
            wanted = (*wanted, layout.cumulative_logprob[1])
        if generation.lora is not None:
            raise self._refusal("model")
        asked = self.asked(generation)
        values |= self._sampling(asked)
        if generation.constraint is not None:
            values |= self.guide(generation.constraint)
        values |= image_inputs(self._signature, generation.images, generation.image_references)
        parameters |= {name: asked[name] for name in self._as_parameters if name in asked}
        return self._signature.request(
            values, request_id=generation.request_id, outputs=wanted, parameters=parameters
        )

    def reader(self, generation: Generation) -> TextReader:
        """See `Translator.reader`."""
        told = self._max_tokens or "max_tokens" in self._as_parameters
        limit = generation.max_tokens if told else None
        return TextReader(self._answer, limit, self._text_mode, self.layout.cumulative_logprob[1])

    def stop(self, request_id: str) -> ModelInferRequest | None:
        """See `Translator.stop`: it goes to the engine inside an ensemble."""
        return None if self._engine is None else stop_request(self._engine, request_id)

    def carriers(self) -> Mapping[str, str]:
        """See `Translator.carriers`."""
        names = {name: self._carrier(name) for name in FORWARD_NEUTRAL}
        found = {"max_tokens": self._max_tokens, **names, **dict.fromkeys(FIELDS), "logprobs": None}
        inputs = self._signature.inputs
        carried = {
            name: f"input {tensor} {inputs[tensor].datatype}" if tensor else REFUSED
            for name, tensor in found.items()
        }
        return carried | {name: f"parameter {name}" for name in self._as_parameters}

    def asked(self, generation: Generation) -> Mapping[str, Any]:
        """Return the fields to carry, with the values that this family understands."""
        return generation.sampling

    def guide(self, constraint: Constraint) -> Mapping[str, tuple[str, ...]]:
        """Return the inputs that tell the model of a constraint.

        Raises:
            BridgeError: UNSUPPORTED_PARAMETER: it is none of `constraints`.
        """
        check_carried(constraint, self.constraints, self._signature.name)
        return {}

    def _ranking(self) -> str | None:
        names, output = self.layout.cumulative_logprob
        return first(names, self._signature.inputs) if output in self._signature.outputs else None

    def _carrier(self, name: str) -> str | None:
        """Return the input that carries a field, if the model has one."""
        return first(self.layout.fields.get(name, ()), self._signature.inputs)

    def _sampling(self, asked: Mapping[str, Any]) -> dict[str, tuple[Scalar, ...]]:
        values: dict[str, tuple[Scalar, ...]] = {}
        for name, value in asked.items():
            if name in self._as_parameters:
                continue
            if tensor := self._carrier(name):
                values[tensor] = tuple(value) if isinstance(value, list) else (value,)
                if not self._signature.takes(tensor, values[tensor]):
                    raise refusal(name, self._signature.name, "its input cannot hold this value")
            elif value not in FORWARD_NEUTRAL.get(name, ()):
                raise self._refusal(name)
        return values

    def _refusal(self, name: str) -> Exception:
        return refusal(name, self._signature.name, self.layout.why.get(name, ""))


def first(names: Names, declared: Container[str]) -> str | None:
    """Return the first of the names that is declared."""
    return next((name for name in names if name in declared), None)
