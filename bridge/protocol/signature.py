"""What a Triton model takes and gives, read from its ModelConfig, and requests built to fit it.

Triton checks only the number of inputs, refuses undeclared ones, and wants a batch dimension that
ModelConfig does not show; all of that is decided here, once, for every translator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve, tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.protocol.tensors import Scalar

_STRING: Final = "TYPE_STRING"
DYNAMO: Final = "dynamo"
"""Backend and platform of NVIDIA Dynamo's models: all answer as they go, which they do not tell."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One declared input or output."""

    name: str
    datatype: str
    """As on the wire: "BYTES" for TYPE_STRING, else the name without TYPE_."""
    dims: tuple[int, ...]
    """As declared: without the batch dimension, -1 for any size."""
    optional: bool = False

    def shape(self, count: int, *, batched: bool, batch: int = 1) -> tuple[int, ...] | None:
        """Return the shape that holds `batch` items of `count` elements each, or None if the dims cannot.

        The last open dimension takes the elements, the other open ones are 1.
        """
        fixed = prod(size for size in self.dims if size >= 0)
        open_at = max((at for at, size in enumerate(self.dims) if size < 0), default=None)
        sizes = [1 if size < 0 else size for size in self.dims]
        if open_at is not None and fixed:
            sizes[open_at] = count // fixed
        if prod(sizes) != count:
            return None
        if batched:
            return (batch, *sizes)
        return tuple(sizes) if batch == 1 else None


_Form: TypeAlias = "tuple[int, tuple[tuple[str, int], ...], tuple[str, ...]]"
"""Items, elements by input, outputs."""

MAX_FORMS: Final = 64
"""Forms that are kept of one model: a few sets of fields, times the numbers of stop strings and the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A model's tensors and how it answers."""

    name: str
    version: str = ""
    """Empty: Triton's latest."""
    backend: str = ""
    platform: str = ""
    decoupled: bool = False
    """Whether one request may have several responses."""
    max_batch_size: int = 0
    priority_levels: int = 0
    """Levels of the model's request queue; 0: it has none, and a priority would have no effect."""
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    parameters: Mapping[str, str]
    steps: tuple[Signature, ...] = ()
    """The models that an ensemble is made of, as far as they are known."""
    _forms: dict[_Form, kserve.ModelInferRequest] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What requests with the same inputs have in common: most of the work of making one."""

    @classmethod
    def from_config(cls, config: kserve.ModelConfig, version: str = "") -> Signature:
        """Read a ModelConfig (ModelInput has its dims in field 4, ModelOutput in field 3)."""
        return cls(
            name=config.name,
            version=version,
            backend=config.backend,
            platform=config.platform,
            decoupled=config.model_transaction_policy.decoupled or config.platform == DYNAMO,
            max_batch_size=config.max_batch_size,
            priority_levels=config.dynamic_batching.priority_levels,
            inputs={
                item.name: TensorSpec(item.name, _datatype(item), tuple(item.dims), item.optional)
                for item in config.input
            },
            outputs={
                item.name: TensorSpec(item.name, _datatype(item), tuple(item.dims)) for item in config.output
            },
            parameters={key: value.string_value for key, value in config.parameters.items()},
        )

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the required inputs that `names` does not hold."""
        given = set(names)
        return tuple(name for name, spec in self.inputs.items() if not spec.optional and name not in given)

    def takes(self, name: str, elements: Sequence[Scalar]) -> bool:
        """Return whether input `name` can hold these elements: by its dims and its datatype."""
        spec = self.inputs[name]
        try:
            tensors.pack(spec.datatype, elements)
        except BridgeError:
            return False
        return spec.shape(len(elements), batched=False) is not None

    def request(
        self,
        values: Mapping[str, Sequence[Scalar]],
        *,
        request_id: str,
        outputs: Iterable[str],
        batch: int = 1,
        parameters: Mapping[str, Scalar] | None = None,
    ) -> kserve.ModelInferRequest:
        """Build one request; inputs that are not declared must not be given.

        Args:
            values: elements per input name, flattened; those of a batch one item after the other.
            request_id: echoed by Triton in every response.
            outputs: names to ask for; the undeclared ones are left out.
            batch: items, at most `max_batch_size`; every input holds the same number of elements of each.
            parameters: request parameters.

        Raises:
            BridgeError: BACKEND_CONTRACT when a required input has no value, or a value does not fit.
        """
        sizes = tuple((name, len(elements)) for name, elements in values.items())
        key = (batch, sizes, tuple(outputs))
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= MAX_FORMS:
                self._forms.clear()
            form = self._forms[key] = self._form(*key)
        request = kserve.ModelInferRequest()
        request.CopyFrom(form)
        request.id = request_id
        for name, value in (parameters or {}).items():
            _set_parameter(request.parameters[name], value)
        for name, elements in values.items():
            request.raw_input_contents.append(tensors.pack(self.inputs[name].datatype, elements))
        return request

    def _form(
        self, batch: int, sizes: Iterable[tuple[str, int]], outputs: Iterable[str]
    ) -> kserve.ModelInferRequest:
        """Return what requests with so many elements in these inputs have in common."""
        if missing := self.missing(dict(sizes)):
            raise self._contract(f"needs input {missing[0]!r}, which no field of the request fills")
        form = kserve.ModelInferRequest(model_name=self.name, model_version=self.version)
        form.parameters[kserve.WANT_EMPTY_FINAL].bool_param = True
        for name, size in sizes:
            spec = self.inputs.get(name)
            each, over = divmod(size, batch)
            shape = spec.shape(each, batched=self.max_batch_size > 0, batch=batch) if spec else None
            if spec is None or shape is None or over:
                raise self._contract(f"cannot take {size} elements for input {name!r}")
            form.inputs.add(name=name, datatype=spec.datatype, shape=shape)
        for name in outputs:
            if name in self.outputs:
                form.outputs.add(name=name)
        return form

    def _contract(self, what: str) -> BridgeError:
        return BridgeError(Reason.BACKEND_CONTRACT, f"model {self.name!r} {what}", model=self.name)


def _datatype(item: object) -> str:
    """Return the wire name of an input's or output's `data_type`."""
    field = item.DESCRIPTOR.fields_by_name["data_type"]  # type: ignore[attr-defined]
    known = field.enum_type.values_by_number.get(item.data_type)  # type: ignore[attr-defined]
    if known is None:
        return f"datatype {item.data_type}"  # type: ignore[attr-defined]  # of a newer Triton
    return "BYTES" if known.name == _STRING else str(known.name).removeprefix("TYPE_")


def _set_parameter(parameter: kserve.InferParameter, value: Scalar) -> None:
    """Set the member that has the value's own type (bool is an int in Python: it goes first)."""
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int) and value >= 2**63:
        parameter.uint64_param = value
    elif isinstance(value, int):
        parameter.int64_param = value
    elif isinstance(value, float):
        parameter.double_param = value
    else:
        parameter.string_param = value
