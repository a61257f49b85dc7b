"""The messages of KServe's inference protocol as Triton speaks them.

The only place that names tritonclient's generated modules: they have no type stubs, and a second
copy of the same protos in one process would clash with them.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import tritonclient

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "tritonclient.grpc"


@contextmanager
def _without_its_client() -> Iterator[None]:
    """Make `tritonclient.grpc` a package of its modules alone.

    Its `__init__` loads Triton's client and with it numpy: 19 MB and a tenth of a second of every process,
    of which nothing is used here. Whoever imports the whole package later gets it, with the same messages.
    """
    if _PACKAGE in sys.modules:
        yield
        return
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(Path(path) / "grpc") for path in tritonclient.__path__]
    sys.modules[_PACKAGE] = package
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]


with _without_its_client():
    from tritonclient.grpc.model_config_pb2 import ModelConfig
    from tritonclient.grpc.service_pb2 import (
        InferParameter,
        ModelConfigRequest,
        ModelConfigResponse,
        ModelInferRequest,
        ModelInferResponse,
        ModelReadyRequest,
        ModelStreamInferResponse,
        RepositoryIndexRequest,
        RepositoryModelLoadRequest,
        RepositoryModelUnloadRequest,
        ServerMetadataRequest,
    )
    from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceServicer, GRPCInferenceServiceStub
    from tritonclient.grpc.service_pb2_grpc import (
        add_GRPCInferenceServiceServicer_to_server as add_inference_service,
    )

__all__ = [
    "GRPCInferenceServiceServicer",
    "GRPCInferenceServiceStub",
    "InferParameter",
    "ModelConfig",
    "ModelConfigRequest",
    "ModelConfigResponse",
    "ModelInferRequest",
    "ModelInferResponse",
    "ModelReadyRequest",
    "ModelStreamInferResponse",
    "RepositoryIndexRequest",
    "RepositoryModelLoadRequest",
    "RepositoryModelUnloadRequest",
    "ServerMetadataRequest",
    "add_inference_service",
]

FINAL_RESPONSE = "triton_final_response"
"""Parameter of a response: true on the last one of a request."""

WANT_EMPTY_FINAL = "triton_enable_empty_final_response"
"""Parameter of a request: send a last, empty response where the model ends after its last data."""
