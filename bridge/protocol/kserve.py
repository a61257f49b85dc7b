"""The messages of KServe's inference protocol as Triton speaks them.

The only place that names tritonclient's generated modules: they have no type stubs, and a second
copy of the same protos in one process would clash with them.
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig
from tritonclient.grpc.service_pb2 import (
    InferParameter,
    ModelConfigRequest,
    ModelInferRequest,
    ModelInferResponse,
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
    "ModelInferRequest",
    "ModelInferResponse",
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
