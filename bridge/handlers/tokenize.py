"""Tokenizing: the handler of /tokenize and /detokenize."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from bridge.errors import BridgeError, Reason
from bridge.handlers.off_loop import off_loop
from bridge.protocol.tokenize import detokenized, text_of, tokenized, tokenizer_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.handlers.base import Call
    from bridge.protocol.model import Model
    from bridge.protocol.tokenize import DetokenizeRequest, TokenizeRequest


class TokenizeHandler:
    """Text to tokens and back, with the tokenizers of the configured models."""

    def __init__(self, route: Callable[[str], Awaitable[Model]]) -> None:
        """Take what finds a model by its name, such as `Catalog.route`."""
        self._route = route

    async def tokenize(self, request: TokenizeRequest, call: Call) -> bytes:
        """Return the JSON answer of /tokenize.

        Raises:
            BridgeError: the model is unknown or has no tokenizer, or its template refuses the messages.
        """
        model = await self._found(request.source.model, call)
        tokenizer = tokenizer_of(model)
        now = datetime.now().astimezone()

        def work() -> bytes:
            text, special = text_of(request, model, now)
            return tokenized(
                text,
                tokenizer,
                add_special_tokens=special,
                strings=request.return_token_strs,
                max_model_len=model.max_model_len,
            )

        return await off_loop(work, request.source.ByteSize(), call.deadline)

    async def detokenize(self, request: DetokenizeRequest, call: Call) -> bytes:
        """Return the JSON answer of /detokenize.

        Raises:
            BridgeError: the model is unknown or has no tokenizer, or an id is no token of it.
        """
        model = await self._found(request.model, call)
        tokenizer = tokenizer_of(model)
        return await off_loop(lambda: detokenized(request, tokenizer), len(request.tokens), call.deadline)

    async def _found(self, name: str, call: Call) -> Model:
        model = await self._route(name)
        call.record.model = model.id
        return model


async def no_models(name: str) -> NoReturn:
    """Stand for `Catalog.route` in front of another bridge.

    Raises:
        BridgeError: UNSUPPORTED_OPERATION, always.
    """
    del name
    raise BridgeError(
        Reason.UNSUPPORTED_OPERATION, "tokenizing is not passed on to an upstream bridge: ask that one"
    )
