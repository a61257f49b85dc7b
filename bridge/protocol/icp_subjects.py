"""The subjects of the request plane. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

ANY: Final = "-"
"""Stands for the latest version of a model, and in a control subject for the worker itself."""

DESCRIBE: Final = "describe"
"""In a control subject: where a model's configuration is asked for."""


_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def token(name: str) -> str:
    """Return a name as one token of a subject: what means something to NATS is percent-escaped."""
    return quote(name, safe="").replace(".", "%2E")


def is_token(text: str) -> bool:
    """Tell whether a text is a token of a subject as it is, such as the id of a request or a worker."""
    return _TOKEN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Subjects:
    """Subjects under a prefix: one prefix per tenant."""

    prefix: str

    def operator(self, name: str, version: str) -> str:
        """Return where any worker takes requests for a model, also its queue group; "" is the latest."""
        return f"{self.prefix}.op.{token(name)}.{version or ANY}"

    def directed(self, name: str, version: str, component_id: str) -> str:
        """Return where one worker takes requests for a model."""
        return f"{self.operator(name, version)}.{component_id}"

    def all_directed(self, component_id: str) -> str:
        """Return the wildcard of the above over all models."""
        return f"{self.prefix}.op.*.*.{component_id}"

    def control(self, component_id: str, request_id: str = ANY) -> str:
        """Return where a worker is told things about a request, or about itself."""
        return f"{self.prefix}.ctl.{component_id}.{request_id}"

    def heartbeat(self, component_id: str) -> str:
        """Return where a worker tells that it lives; "*" for all."""
        return f"{self.prefix}.hb.{component_id}"

    def inbox(self, component_id: str) -> str:
        """Return what begins the subjects of answers to somebody; a last token says to what."""
        return f"_INBOX_{self.prefix}.{component_id}"

    @property
    def service(self) -> str:
        """What workers are called in the discovery of NATS, whose subjects know no prefix."""
        return f"{self.prefix}-worker"

    @property
    def front_ends(self) -> str:
        """What front ends are called there."""
        return f"{self.prefix}-front-end"
