"""GET /openapi.json: made when it is first asked for; a client that has it is told so by its ETag."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.protocol import openapi

if TYPE_CHECKING:
    from bridge.config import Config


class OpenApiEndpoint:
    """The endpoint, as an aiohttp handler."""

    def __init__(self, config: Config, version: str) -> None:
        self._config = config
        self._version = version

    @cached_property
    def _body(self) -> bytes:
        config = self._config
        return openapi.render(
            version=self._version,
            reasoning_field=config.reasoning_field,
            needs_key=config.key_file is not None,
            protects_metrics=config.protect_metrics,
        )

    @cached_property
    def _tag(self) -> str:
        return hashlib.sha256(self._body).hexdigest()[:32]

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one request."""
        known = any(tag.value in {self._tag, "*"} for tag in request.if_none_match or ())
        if known:
            answer = web.Response(status=304)
        else:
            answer = web.Response(body=self._body, content_type="application/json")
        answer.etag = self._tag
        answer.headers["Cache-Control"] = "no-cache"  # keep it, but ask whether it is still the same
        return answer
