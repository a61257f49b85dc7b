"""The unary methods: what the server is, which models it has. One answer per question, no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tritonclient.grpc import service_pb2

from benchmarks.mock_triton import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

NOT_FOUND: Final = 5
UNIMPLEMENTED: Final = 12


class StatusError(Exception):
    """An answer that is only a status: (gRPC code, text)."""


class Questions:
    """Answers for the models of one server."""

    def __init__(self, models: Iterable[str]) -> None:
        self._models = sorted(models)
        self._table: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "ServerLive": (
                service_pb2.ServerLiveRequest,
                lambda _: service_pb2.ServerLiveResponse(live=True),
            ),
            "ServerReady": (
                service_pb2.ServerReadyRequest,
                lambda _: service_pb2.ServerReadyResponse(ready=True),
            ),
            "ModelReady": (
                service_pb2.ModelReadyRequest,
                lambda ask: service_pb2.ModelReadyResponse(ready=ask.name in self._models),
            ),
            "ServerMetadata": (service_pb2.ServerMetadataRequest, self._server),
            "RepositoryIndex": (service_pb2.RepositoryIndexRequest, self._index),
            "ModelConfig": (service_pb2.ModelConfigRequest, self._config),
            "ModelMetadata": (service_pb2.ModelMetadataRequest, self._metadata),
        }

    @property
    def methods(self) -> Container[str]:
        """The names of the methods that `answer` takes."""
        return self._table

    def answer(self, method: str, request: bytes) -> bytes:
        """Return a serialised answer.

        Raises:
            StatusError: the method or the model does not exist.
        """
        if method not in self._table:
            raise StatusError(UNIMPLEMENTED, f"the mock has no {method}")
        request_class, reply = self._table[method]
        return bytes(reply(request_class.FromString(request)).SerializeToString())

    def _known(self, name: str) -> str:
        if name not in self._models:
            raise StatusError(NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return name

    def _server(self, _: Any) -> Any:
        return service_pb2.ServerMetadataResponse(
            name="triton", version="mock", extensions=["model_configuration"]
        )

    def _index(self, _: Any) -> Any:
        reply = service_pb2.RepositoryIndexResponse()
        for name in self._models:
            reply.models.add(name=name, version="1", state="READY")
        return reply

    def _config(self, ask: Any) -> Any:
        return service_pb2.ModelConfigResponse(config=answers.config(self._known(ask.name)))

    def _metadata(self, ask: Any) -> Any:
        config = answers.config(self._known(ask.name))
        reply = service_pb2.ModelMetadataResponse(name=config.name, versions=["1"], platform="vllm")
        kinds = service_pb2.ModelConfigResponse.DESCRIPTOR.fields_by_name["config"].message_type.file
        names = kinds.enum_types_by_name["DataType"].values_by_number
        for declared, told in ((config.input, reply.inputs), (config.output, reply.outputs)):
            for item in declared:
                datatype = names[item.data_type].name.removeprefix("TYPE_").replace("STRING", "BYTES")
                told.add(name=item.name, datatype=datatype, shape=item.dims)
        return reply
