"""TLS: contexts and credentials made of the files that the configuration names."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import grpc

from bridge.config import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Tls, TritonTls

ALPN: Final = ["http/1.1"]
"""What the HTTP door speaks; grpcio says h2 for the gRPC door by itself."""


class ServerTls:
    """The certificates of both doors; a connection gets those that were read last."""

    def __init__(self, files: Tls) -> None:
        """Read the files.

        Raises:
            ConfigError: one cannot be read, or they do not belong together.
        """
        self._files = files
        self.paths = tuple(path for path in (files.certificate, files.key, files.client_ca) if path)
        self._current, self._configuration = self._load()
        self._version = 0
        # The one that listens. What a connection sees of it is replaced before it sends a certificate.
        self.context: Final = self._context()
        self.context.sni_callback = self._use_current

    def reload(self) -> None:
        """Read the files again; connections that are open keep what they have.

        Raises:
            ConfigError: see above; then nothing changes.
        """
        self._current, self._configuration = self._load()
        self._version += 1

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for a gRPC server, which follow `reload`."""
        seen = self._version

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal seen
            if seen == self._version:
                return None
            seen = self._version
            return self._configuration

        return grpc.dynamic_ssl_server_credentials(
            self._configuration,
            changed,  # type: ignore[arg-type]  # None: nothing has changed
            require_client_authentication=self._files.client_ca is not None,
        )

    def _use_current(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: ssl.SSLContext
    ) -> None:
        connection.context = self._current

    def _load(self) -> tuple[ssl.SSLContext, grpc.ServerCertificateConfiguration]:
        files = self._files
        roots = None if files.client_ca is None else _bytes(files.client_ca, "tls.client_ca")
        pair = _bytes(files.key, "tls.key"), _bytes(files.certificate, "tls.certificate")
        return self._context(), grpc.ssl_server_certificate_configuration([pair], roots)

    def _context(self) -> ssl.SSLContext:
        files = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(ALPN)
        _load_pair(context, files.certificate, files.key, "tls")
        if files.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            # No session that outlives the roots which its client's certificate came from.
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
            _load_roots(context, files.client_ca, "tls.client_ca")
        return context


class ClientTls:
    """What all connections to Triton, or to another bridge, are made with."""

    def __init__(self, files: TritonTls) -> None:
        """Read the files.

        Raises:
            ConfigError: one cannot be read, or they do not belong together.
        """
        self._files = files
        self.paths = tuple(path for path in (files.ca, files.certificate, files.key) if path)
        self.context: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        """For the native transport; follows `reload`."""
        if files.ca is None:
            self.context.load_default_certs()
        self._load(self.context)

    def reload(self) -> None:
        """Read the files again; connections that are open keep what they have. Roots are only added.

        Raises:
            ConfigError: see above; then nothing changes.
        """
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._load(self.context)

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the same for grpcio, as the files are now."""
        files = self._files
        certificate, key = files.certificate, files.key
        return grpc.ssl_channel_credentials(
            root_certificates=None if files.ca is None else _bytes(files.ca, f"{files.table}.ca"),
            private_key=None if key is None else _bytes(key, f"{files.table}.key"),
            certificate_chain=(
                None if certificate is None else _bytes(certificate, f"{files.table}.certificate")
            ),
        )

    def _load(self, context: ssl.SSLContext) -> None:
        files = self._files
        if files.ca is not None:
            _load_roots(context, files.ca, f"{files.table}.ca")
        if files.certificate is not None and files.key is not None:
            _load_pair(context, files.certificate, files.key, files.table)


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path, table: str) -> None:
    _bytes(certificate, f"{table}.certificate")
    _bytes(key, f"{table}.key")
    try:
        context.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except (OSError, ValueError) as exc:  # SSLError is an OSError
        mismatch = "MISMATCH" in str(exc)
        why = "the key is not the certificate's" if mismatch else "both must be PEM, without a pass phrase"
        raise ConfigError(f"{table}.certificate: {certificate} and {key}: {why}") from exc


def _no_pass_phrase() -> str:
    """Stand for OpenSSL's question on the terminal, which would stop the bridge."""
    return ""


def _load_roots(context: ssl.SSLContext, path: Path, key: str) -> None:
    _bytes(path, key)
    try:
        context.load_verify_locations(path)
    except OSError as exc:
        raise ConfigError(f"{key}: {path} holds no certificate in PEM") from exc


def _bytes(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{key}: {path} cannot be read: {exc.strerror}") from exc
