"""API keys: what each may do, and finding the one that a caller holds.

Rule: no I/O and no clock. Keys themselves are never kept, only their SHA-256: they are random and of 256
bits, so that nothing slower would make a hash harder to turn round.
"""

from __future__ import annotations

import hmac
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - get_type_hints reads the annotations
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.config.checks import DERIVED, ConfigError, demand, typed
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX: Final = "sk-ob-"
"""What every key begins with, so that people and scanners of secrets know one."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the holder of a key may do: `[keys.NAME]` in the file of keys. 0 is no limit."""

    name: str = field(default="", metadata={DERIVED: True})
    """For people and the log; not a key of the table."""
    sha256: str = field(default="", repr=False)
    """Of the key's UTF-8 bytes, in hexadecimal digits."""
    created: datetime | None = None
    expires: datetime | None = None
    """When it ends to be valid; None is never."""
    models: tuple[str, ...] | None = None
    """Models that it sees, by their names in requests; None is all."""
    admin: bool = False
    """Whether it may load and unload models."""
    max_concurrent_requests: int = 0
    """Requests at once, those that wait included."""
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    """Tokens of prompts and answers together."""

    def sees(self, model: str) -> bool:
        """Tell whether a model exists for this key."""
        return self.models is None or model in self.models

    def check(self, prefix: str) -> None:
        """Check the values.

        Raises:
            ConfigError: beginning with `prefix` and the table's key.
        """
        demand(bool(_DIGEST.fullmatch(self.sha256)), f"{prefix}.sha256", "must be 64 hexadecimal digits")
        for name in ("created", "expires"):
            when: datetime | None = getattr(self, name)
            aware = when is None or when.tzinfo is not None
            demand(aware, f"{prefix}.{name}", "must say its offset from UTC, such as Z")
        for name in ("max_concurrent_requests", "requests_per_minute", "tokens_per_minute"):
            demand(getattr(self, name) >= 0, f"{prefix}.{name}", "must be >= 0")


ANYONE: Final = Key(name="")
"""Who asks a bridge that has no keys."""


class KeyRing:
    """The keys of one file."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """Take keys of different names and digests."""
        self.keys = tuple(keys)
        self._by_digest = {key.sha256: key for key in keys}

    def find(self, secret: str, now: float) -> Key:
        """Return the key that a secret is.

        Args:
            secret: what the caller says its key is.
            now: Unix time in seconds.

        Raises:
            BridgeError: INVALID_API_KEY.
        """
        given = digest(secret)
        # Found by a hash that the caller cannot choose, compared in a time that tells nothing of it.
        key = self._by_digest.get(given, ANYONE)
        if not hmac.compare_digest(given, key.sha256):
            raise BridgeError(Reason.INVALID_API_KEY, "the API key is not valid")
        if key.expires is not None and now >= key.expires.timestamp():
            raise BridgeError(Reason.INVALID_API_KEY, "the API key has expired")
        return key


def digest(secret: str) -> str:
    """Return what is kept of a key."""
    # A header may hold bytes that are no UTF-8; aiohttp makes surrogates of them.
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def bearer(values: Sequence[object]) -> str:
    """Return the secret in the `Authorization` headers, or the metadata of that name.

    Raises:
        BridgeError: INVALID_API_KEY: there is not exactly one, or it is no `Bearer SECRET`.
    """
    if not values:
        raise BridgeError(Reason.INVALID_API_KEY, "an API key is required: Authorization: Bearer KEY")
    if len(values) > 1:
        raise BridgeError(Reason.INVALID_API_KEY, "there must be one Authorization header, not several")
    scheme, _, secret = str(values[0]).partition(" ")
    if scheme.lower() != "bearer" or not secret.strip(" "):
        raise BridgeError(Reason.INVALID_API_KEY, "the Authorization header must be: Bearer KEY")
    return secret.strip(" ")


def read(text: str) -> KeyRing:
    """Return the keys of a file.

    Raises:
        ConfigError: the text is none; it begins with the key at fault.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"not TOML: {exc}") from exc
    entries = table.pop("keys", {})
    demand(not table, next(iter(table), ""), "unknown key; known is keys")
    demand(isinstance(entries, dict), "keys", "must be a table of tables")
    keys: dict[str, Key] = {}
    for name, entry in entries.items():
        key = _key(name, entry)
        twin = keys.setdefault(key.sha256, key)
        demand(twin is key, f"keys.{name}.sha256", f"is that of {twin.name} too")
    return KeyRing(tuple(keys.values()))


def _key(name: str, entry: Any) -> Key:
    prefix = f"keys.{name}"
    check_name(name, prefix)
    demand(isinstance(entry, dict), prefix, "must be a table")
    values: Mapping[str, Any] = typed(Key, entry, f"{prefix}.", Path())
    key = Key(name=name, **values)
    key.check(prefix)
    return key


def check_name(name: str, key: str) -> None:
    """Check the name of a key.

    Raises:
        ConfigError: beginning with `key`.
    """
    demand(bool(_NAME.fullmatch(name)), key, "a name has 1 to 64 of A-Z, a-z, 0-9, _ and -")
