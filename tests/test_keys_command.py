"""`openai-bridge keys`: a key is shown once and kept as a hash; what is wrong is named and ends with 2."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.access.key_file import load
from bridge.access.keys import Key, digest
from bridge.cli import main
from tests.key_files import write_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command with the file; return exit code, output and error output."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code: object = main(("keys", *arguments, "--file", str(path)))
        except SystemExit as exc:  # argparse
            code = exc.code
        out, err = capsys.readouterr()
        assert isinstance(code, int)
        return code, out, err

    return call


def test_a_key_is_shown_once_and_only_its_hash_is_kept(run: Run, path: Path) -> None:
    code, out, err = run("add", "alice")
    secret = out.removesuffix("\n")
    assert code == 0
    assert re.fullmatch(r"sk-ob-[A-Za-z0-9_-]{43}", secret)
    assert secret not in err
    assert secret not in path.read_text()
    (key,) = load(path).keys
    assert (key.name, key.sha256) == ("alice", digest(secret))
    assert load(path).find(secret, 0.0) == key
    for command in (("list",), ("revoke", "alice")):
        assert secret not in "".join(map(str, run(*command)))


def test_no_two_keys_are_alike(run: Run) -> None:
    assert len({run("add", f"k{number}")[1] for number in range(20)}) == 20


def test_a_key_has_what_it_is_given(run: Run, path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    limits = ("--max-concurrent-requests", "1", "--requests-per-minute", "2", "--tokens-per-minute", "3")
    assert run("add", "a", "--models", "m, org/n,", "--expires", "90d", "--admin", *limits)[0] == 0
    (key,) = load(path).keys
    assert key.created is not None
    assert before <= key.created <= datetime.now(UTC)
    assert key == Key(
        name="a",
        sha256=key.sha256,
        created=key.created,
        expires=key.created + timedelta(days=90),
        models=("m", "org/n"),
        admin=True,
        max_concurrent_requests=1,
        requests_per_minute=2,
        tokens_per_minute=3,
    )


@pytest.mark.parametrize(
    ("text", "when"),
    [
        pytest.param("2999-01-31", "2999-01-31T00:00:00+00:00", id="a date"),
        pytest.param("2999-01-31T12:00:00", "2999-01-31T12:00:00+00:00", id="a time"),
        pytest.param("2999-01-31T12:00:00+02:00", "2999-01-31T12:00:00+02:00", id="a time with an offset"),
    ],
)
def test_a_key_expires_at_a_time(run: Run, path: Path, text: str, when: str) -> None:
    assert run("add", "a", "--expires", text)[0] == 0
    (key,) = load(path).keys
    assert key.expires == datetime.fromisoformat(when)


def test_a_list_shows_what_each_may_do_and_no_hash(run: Run, path: Path) -> None:
    write_keys(
        path,
        everything={"created": datetime(2026, 1, 2, tzinfo=UTC), "admin": True},
        some={
            "models": ("m", "n"),
            "expires": datetime(2999, 1, 1, tzinfo=UTC),
            "requests_per_minute": 60,
            "tokens_per_minute": 9,
        },
        none={"models": (), "expires": datetime(2020, 1, 1, tzinfo=UTC)},
    )
    code, out, _ = run("list")
    assert code == 0
    rows = [re.split(r"\s{2,}", line) for line in out.splitlines()]
    assert rows == [
        ["NAME", "CREATED", "EXPIRES", "MODELS", "LIMITS"],
        ["everything (admin)", "2026-01-02", "never", "all", "-"],
        ["some", "-", "2999-01-01", "m,n", "requests_per_minute=60 tokens_per_minute=9"],
        ["none", "-", "2020-01-01 (expired)", "none", "-"],
    ]
    assert not re.search(r"[0-9a-f]{16}", out)


def test_a_revoked_key_is_gone_and_others_stay(run: Run, path: Path) -> None:
    write_keys(path, a={}, b={}, c={})
    assert run("revoke", "b") == (0, "", "")
    assert [key.name for key in load(path).keys] == ["a", "c"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(("add", "a b"), "NAME: a name has 1 to 64", id="a space in the name"),
        pytest.param(("add", ""), "NAME: a name has 1 to 64", id="no name"),
        pytest.param(("add", "known"), "has a key of the name known", id="a name twice"),
        pytest.param(("add", "a", "--expires", "soon"), "--expires: must be 90d", id="no date"),
        pytest.param(("add", "a", "--expires", "9999999d"), "--expires: must be 90d", id="after all years"),
        pytest.param(("add", "a", "--expires", "0d"), "--expires: 0d is past", id="no day"),
        pytest.param(("add", "a", "--expires", "2020-01-01"), "2020-01-01 is past", id="a day that is past"),
        pytest.param(
            ("add", "a", "--tokens-per-minute", "-1"), "a.tokens_per_minute: must be >= 0", id="negative"
        ),
        pytest.param(("revoke", "nobody"), "has no key of the name nobody", id="an unknown name"),
        pytest.param(("add",), "NAME", id="no argument"),
        pytest.param((), "COMMAND", id="no command"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    run: Run, path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    before = write_keys(path, known={}).read_bytes()
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert complaint in err
    assert path.read_bytes() == before


def test_a_list_of_a_file_that_is_not_there_ends_with_2(run: Run, path: Path) -> None:
    code, out, err = run("list")
    assert (code, out) == (2, "")
    assert err == f"openai-bridge: key_file: {path} cannot be read: No such file or directory\n"


def test_a_file_that_cannot_be_written_is_named(run: Run, path: Path) -> None:
    path.mkdir()
    code, _, err = run("add", "a")
    assert code == 2
    assert str(path) in err
