"""What a connection to NATS is made with: the login and TLS of the files that the configuration names."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from bridge.config import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Nats


def options(settings: Nats, urls: str) -> dict[str, Any]:
    """Return options of `nats.connect`.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    made: dict[str, Any] = {}
    if settings.user is not None and settings.password_file is not None:
        password = _text(settings.password_file, "nats.password_file")
        made |= {"user": settings.user, "password": password}
    if settings.credentials is not None:
        _text(settings.credentials, "nats.credentials")
        made["user_credentials"] = str(settings.credentials)
    if settings.nkey_seed is not None:
        made["nkeys_seed_str"] = _text(settings.nkey_seed, "nats.nkey_seed")
    if settings.credentials is not None or settings.nkey_seed is not None:
        _demand_nkeys()
    if settings.ca is not None or settings.certificate is not None or "tls://" in urls:
        made["tls"] = _context(settings)
        if settings.server_name is not None:
            made["tls_hostname"] = settings.server_name
    return made


def _context(settings: Nats) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key, password="")
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"nats.{'ca' if settings.certificate is None else 'certificate'}: {exc}") from exc
    return context


def _text(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise ConfigError(f"{key}: {path} cannot be read: {why}") from exc


def _demand_nkeys() -> None:
    try:
        import nkeys  # type: ignore[import-untyped]  # noqa: F401, PLC0415 - optional
    except ImportError as exc:
        raise ConfigError("nats: a login by nkey needs: pip install 'openai-bridge[nats]'") from exc
