"""Keys: whose a secret is, what the table of a key may hold, and what a header must look like."""

from __future__ import annotations

import ast
import inspect
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access.keys import ANYONE, PREFIX, Key, KeyRing, bearer, digest, read
from bridge.config import ConfigError
from bridge.errors import BridgeError, Reason
from tests.key_files import secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALICE = Key(name="alice", sha256=digest(secret("alice")), expires=NOW)
BOB = Key(name="bob", sha256=digest(secret("bob")))
RING = KeyRing([ALICE, BOB])
DIGEST = "a" * 64


class Untouchable(str):
    """A secret that nothing but a hash function may look at."""

    __slots__ = ()

    def __eq__(self, other: object) -> NoReturn:
        raise AssertionError("compared")

    def __hash__(self) -> NoReturn:
        raise AssertionError("looked up")

    def __getitem__(self, at: Any) -> NoReturn:
        raise AssertionError("taken apart")


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(BridgeError) as caught:
        call(*arguments)
    assert caught.value.reason is Reason.INVALID_API_KEY
    return caught.value.message


def test_a_secret_is_its_own_key() -> None:
    assert RING.find(secret("bob"), 0.0) is BOB
    assert RING.find(secret("alice"), 0.0) is ALICE


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(PREFIX, id="the prefix"),
        pytest.param(secret("nobody"), id="another"),
        pytest.param(secret("bob")[:-1], id="cut off"),
        pytest.param(secret("bob") + "x", id="longer"),
        pytest.param(secret("bob").upper(), id="in capitals"),
        pytest.param(digest(secret("bob")), id="the hash itself"),
        pytest.param("", id="empty"),
        pytest.param("\udcff\ud800", id="no text"),
        pytest.param("ключ-🔑", id="no ASCII"),
        pytest.param("x" * 1_000_000, id="huge"),
    ],
)
def test_another_secret_is_nobodys(given: str) -> None:
    message = refused(RING.find, given, 0.0)
    assert message == "the API key is not valid"


@given(st.text())
def test_no_text_opens_a_ring_that_does_not_hold_it(text: str) -> None:
    refused(RING.find, text, 0.0)
    assert KeyRing([Key(name="x", sha256=digest(text))]).find(text, 0.0).name == "x"


def test_a_ring_without_keys_opens_to_nobody_not_even_to_anyones_hash() -> None:
    assert ANYONE.sha256 == ""
    for text in ("", "x"):
        refused(KeyRing([]).find, text, 0.0)


def test_a_key_is_valid_until_the_moment_it_expires() -> None:
    moment = NOW.timestamp()
    assert RING.find(secret("alice"), moment - 0.001) is ALICE
    assert refused(RING.find, secret("alice"), moment) == "the API key has expired"
    assert RING.find(secret("bob"), moment + 1e9) is BOB


def test_a_secret_is_hashed_and_never_compared() -> None:
    assert RING.find(Untouchable(secret("bob")), 0.0) is BOB
    refused(RING.find, Untouchable(secret("nobody")), 0.0)


def test_hashes_are_compared_by_nothing_but_compare_digest() -> None:
    tree = ast.parse(dedent(inspect.getsource(KeyRing.find)))
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    operators = [type(op) for node in ast.walk(tree) if isinstance(node, ast.Compare) for op in node.ops]
    assert "hmac.compare_digest(given, key.sha256)" in calls
    assert set(operators) == {ast.IsNot, ast.GtE}  # of the time at which it expires


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param(["Bearer k"], "k", id="as usual"),
        pytest.param(["bearer k"], "k", id="small letters"),
        pytest.param(["BEARER k"], "k", id="capitals"),
        pytest.param(["Bearer   k  "], "k", id="more spaces"),
        pytest.param(["Bearer a b"], "a b", id="a space within"),
    ],
)
def test_a_secret_stands_behind_its_scheme(values: list[object], found: str) -> None:
    assert bearer(values) == found


@pytest.mark.parametrize(
    ("values", "why"),
    [
        pytest.param([], "required", id="no header"),
        pytest.param([""], "Bearer KEY", id="empty"),
        pytest.param(["Bearer"], "Bearer KEY", id="no secret"),
        pytest.param(["Bearer   "], "Bearer KEY", id="spaces"),
        pytest.param(["Bearer\tk"], "Bearer KEY", id="a tab"),
        pytest.param(["k"], "Bearer KEY", id="no scheme"),
        pytest.param(["Basic azpr"], "Bearer KEY", id="another scheme"),
        pytest.param(["Bearerk"], "Bearer KEY", id="no space"),
        pytest.param([b"Bearer k"], "Bearer KEY", id="bytes"),
        pytest.param(["Bearer k", "Bearer k"], "not several", id="twice"),
        pytest.param(["Bearer k", "Bearer other"], "not several", id="two"),
    ],
)
def test_anything_else_is_refused_without_being_repeated(values: list[object], why: str) -> None:
    message = refused(bearer, values)
    assert why in message
    assert "other" not in message
    assert "azpr" not in message


def test_a_file_tells_all_of_a_key() -> None:
    text = f"""
    [keys.alice]
    sha256 = "{DIGEST}"
    created = 2026-01-01T00:00:00Z
    expires = 2027-01-01T00:00:00+02:00
    models = ["a", "org/b"]
    admin = true
    max_concurrent_requests = 1
    requests_per_minute = 2
    tokens_per_minute = 3
    [keys.bob-2]
    sha256 = "{DIGEST[1:]}b"
    """
    alice, bob = read(text).keys
    assert (alice.name, alice.models, alice.admin) == ("alice", ("a", "org/b"), True)
    assert (alice.max_concurrent_requests, alice.requests_per_minute, alice.tokens_per_minute) == (1, 2, 3)
    assert alice.created == NOW
    assert alice.expires is not None
    assert alice.expires.isoformat() == "2027-01-01T00:00:00+02:00"
    assert bob == Key(name="bob-2", sha256=f"{DIGEST[1:]}b")
    assert DIGEST not in repr(alice)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("[keys.a", "not TOML: ", id="no TOML"),
        pytest.param("keys = 1", "keys: must be a table of tables", id="no table"),
        pytest.param("[keys]\na = 1", "keys.a: must be a table", id="a key is no table"),
        pytest.param("[key.a]", "key: unknown key; known is keys", id="another table"),
        pytest.param("[keys.a]", "keys.a.sha256: must be 64", id="no hash"),
        pytest.param('[keys.a]\nsha256 = "A"', "keys.a.sha256: must be 64", id="a short hash"),
        pytest.param(f'[keys.a]\nsha256 = "{DIGEST.upper()}"', "keys.a.sha256: must be 64", id="capitals"),
        pytest.param("[keys.a]\nsha256 = 1", "keys.a.sha256: must be a string", id="a number"),
        pytest.param("[keys.a]\nsecret = 'x'", "keys.a.secret: unknown key; known are sha256", id="unknown"),
        pytest.param("[keys.a]\nname = 'x'", "keys.a.name: unknown key", id="a name of its own"),
        pytest.param('[keys."a b"]', "keys.a b: a name has", id="a space in the name"),
        pytest.param(
            f"[keys.a]\nsha256 = '{DIGEST}'\n[keys.b]\nsha256 = '{DIGEST}'",
            "keys.b.sha256: is that of a too",
            id="one hash twice",
        ),
        pytest.param(
            f"[keys.a]\nsha256 = '{DIGEST}'\nexpires = 2027-01-01T00:00:00",
            "keys.a.expires: must say its offset from UTC",
            id="a local time",
        ),
        pytest.param(
            "[keys.a]\nexpires = 2027-01-01", "keys.a.expires: must be a date and time", id="a date"
        ),
        pytest.param(
            f"[keys.a]\nsha256 = '{DIGEST}'\nrequests_per_minute = -1",
            "keys.a.requests_per_minute: must be >= 0",
            id="a negative rate",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("models", "sees"),
    [
        pytest.param(None, True, id="all"),
        pytest.param(("m",), True, id="this one"),
        pytest.param(("other", "M"), False, id="others"),
        pytest.param((), False, id="none"),
    ],
)
def test_a_key_sees_its_models(models: tuple[str, ...] | None, sees: bool) -> None:
    assert Key(models=models).sees("m") is sees
