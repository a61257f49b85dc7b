"""Certificates made for a test, by the openssl of the system."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: Path
    key: Path

    def move(self, other: Pair) -> None:
        """Put the files in the place of others: first the certificate, then the key."""
        self.certificate.replace(other.certificate)
        self.key.replace(other.key)


class Authority:
    """A root that issues certificates for 127.0.0.1 and localhost."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name
        self._root = _made(directory, name, "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @property
    def certificate(self) -> Path:
        """The root."""
        return self._root.certificate

    def issue(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost") -> Pair:
        """Return a new certificate."""
        root = ("-CA", str(self._root.certificate), "-CAkey", str(self._root.key))
        extensions = ("-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE")
        return _made(self._directory, f"{self._name}-{name}", *root, *extensions)


def _made(directory: Path, name: str, *options: str) -> Pair:
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    files = ("-out", str(pair.certificate), "-keyout", str(pair.key))
    command = ("openssl", "req", "-x509", "-days", "2", "-subj", f"/CN={name}", *EC, *files, *options)
    subprocess.run(command, check=True, capture_output=True)
    return pair
