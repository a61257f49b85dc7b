"""Accounts of NATS' decentralised login: an operator, an account and a user, each signed by the one above.

Facts: docs.nats.io, "Decentralized JWT Authentication"; github.com/nats-io/jwt, version 2 of the claims.
"""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import nkeys

NO_LIMIT = -1
ANYTHING = dict.fromkeys(("subs", "data", "payload"), NO_LIMIT)

CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Party:
    """One who holds a key."""

    def __init__(self, prefix: int) -> None:
        self.seed: bytes = nkeys.encode_seed(os.urandom(32), prefix)
        self._pair = nkeys.from_seed(bytearray(self.seed))
        self.public: str = self._pair.public_key.decode()

    def signs(self, other: Party, kind: str, **claims: Any) -> str:
        """Return the JWT that says what another one is."""
        body = {
            "jti": os.urandom(8).hex(),
            "iat": int(time.time()),
            "iss": self.public,
            "sub": other.public,
            "name": kind,
            "nats": {"type": kind, "version": 2, **claims},
        }
        parts = [_packed({"typ": "JWT", "alg": "ed25519-nkey"}), _packed(body)]
        signature = self._pair.sign(".".join(parts).encode())
        return ".".join([*parts, _text(signature)])


class Authority:
    """An operator with one account."""

    def __init__(self) -> None:
        self._operator, self._account = Party(nkeys.PREFIX_BYTE_OPERATOR), Party(nkeys.PREFIX_BYTE_ACCOUNT)

    @property
    def settings(self) -> str:
        """What the configuration of a server says of it."""
        limits = dict.fromkeys(("imports", "exports", "conn", "leaf"), NO_LIMIT) | ANYTHING
        account = self._operator.signs(self._account, "account", limits=limits | {"wildcards": True})
        operator = self._operator.signs(self._operator, "operator")
        preloaded = f"{self._account.public}: {account}"
        return f"operator: {operator}\nresolver: MEMORY\nresolver_preload: {{ {preloaded} }}\n"

    def credentials(self) -> str:
        """Return the credentials file of a new user."""
        user = Party(nkeys.PREFIX_BYTE_USER)
        jwt = self._account.signs(user, "user", pub={}, sub={}, **ANYTHING)
        return CREDENTIALS.format(jwt=jwt, seed=user.seed.decode())


def _packed(claims: dict[str, Any]) -> str:
    return _text(json.dumps(claims).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
