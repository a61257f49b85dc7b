"""The services of the schema: which handler answers which method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openai_bridge.v1 import admin_pb2, chat_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.errors import BridgeError, Reason
from bridge.servers.grpc_method import MethodOptions, streaming, unary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import grpc

    from bridge.handlers.admin import ModelAdmin
    from bridge.handlers.base import Call, Generating
    from bridge.handlers.guarded import VisibleModels

    Methods = dict[str, grpc.RpcMethodHandler[Any, Any]]

PACKAGE: Final = "openai_bridge.v1"


def services(
    *,
    chat: Generating[Any, Any],
    completions: Generating[Any, Any],
    models: VisibleModels,
    embed: Callable[[Any, Call], Awaitable[Any]],
    admin: ModelAdmin | None,
    options: MethodOptions,
) -> dict[str, Methods]:
    """Return the methods of each service by their names."""
    return {
        f"{PACKAGE}.ChatService": _generation(
            "CreateChatCompletion", "chat", chat_pb2.CreateChatCompletionRequest, chat, options
        ),
        f"{PACKAGE}.CompletionsService": _generation(
            "CreateCompletion", "completions", completions_pb2.CreateCompletionRequest, completions, options
        ),
        f"{PACKAGE}.EmbeddingsService": {
            "CreateEmbedding": unary("embeddings", embeddings_pb2.CreateEmbeddingRequest, embed, options),
        },
        f"{PACKAGE}.ModelsService": _models(models, options),
        f"{PACKAGE}.ModelAdminService": _admin(admin, options),
    }


def _generation(
    name: str, endpoint: str, request_type: Any, handler: Generating[Any, Any], options: MethodOptions
) -> Methods:
    return {
        name: unary(endpoint, request_type, handler.complete, options),
        f"{name}Stream": streaming(endpoint, request_type, handler.deliver, options),
    }


def _models(models: VisibleModels, options: MethodOptions) -> Methods:
    async def list_models(_: Any, call: Call) -> models_pb2.ListModelsResponse:
        return await models.list_models(call.key)

    async def retrieve(
        request: models_pb2.RetrieveModelRequest, call: Call
    ) -> models_pb2.RetrieveModelResponse:
        return await models.retrieve_model(request.model, call.key)

    return {
        "ListModels": unary("models", models_pb2.ListModelsRequest, list_models, options),
        "RetrieveModel": unary("models", models_pb2.RetrieveModelRequest, retrieve, options),
    }


def _admin(admin: ModelAdmin | None, options: MethodOptions) -> Methods:
    def configured() -> ModelAdmin:
        if admin is None:
            raise BridgeError(Reason.UNSUPPORTED_OPERATION, "there are no keys, and so no admin's")
        return admin

    async def load(request: admin_pb2.LoadModelRequest, call: Call) -> admin_pb2.LoadModelResponse:
        await configured().load(request.model, call.key)
        return admin_pb2.LoadModelResponse(model=request.model)

    async def unload(request: admin_pb2.UnloadModelRequest, call: Call) -> admin_pb2.UnloadModelResponse:
        await configured().unload(request.model, call.key)
        return admin_pb2.UnloadModelResponse(model=request.model)

    return {
        "LoadModel": unary("admin", admin_pb2.LoadModelRequest, load, options),
        "UnloadModel": unary("admin", admin_pb2.UnloadModelRequest, unload, options),
    }
