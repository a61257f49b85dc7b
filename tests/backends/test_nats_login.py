"""Files of logins that are not what they should be are named before anything connects."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import nkeys
import pytest

from bridge.backends.nats_login import options
from bridge.config import ConfigError, Nats
from tests.nats_accounts import Authority

if TYPE_CHECKING:
    from pathlib import Path

SEED = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode()
CREDENTIALS = Authority().credentials()
JWT = CREDENTIALS.splitlines()[1]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("nkey_seed", "", id="an empty seed"),
        pytest.param("nkey_seed", "SUAnotaseed", id="no seed"),
        pytest.param("nkey_seed", SEED[:-8], id="half a seed"),
        pytest.param("nkey_seed", "ÄÖ", id="a seed of other letters"),
        pytest.param("credentials", "", id="empty credentials"),
        pytest.param("credentials", SEED, id="a seed alone"),
        pytest.param("credentials", CREDENTIALS.partition("*")[0], id="a JWT alone"),
        pytest.param("credentials", CREDENTIALS.replace(SEED, "x").replace("SU", "XX"), id="a broken seed"),
        pytest.param("ca", "no certificate", id="no certificate"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path: Path, key: str, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ConfigError, match=rf"^nats\.{key}: ") as caught:
        options(Nats(**{key: tmp_path / "file"}), "nats://a:1")
    assert SEED not in str(caught.value)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_credentials_are_read_whatever_ends_their_lines(tmp_path: Path, newline: str) -> None:
    (tmp_path / "file").write_text(CREDENTIALS, newline=newline)
    made = options(Nats(credentials=tmp_path / "file"), "nats://a:1")
    assert JWT in str(made["user_credentials"]).splitlines()
