"""Log lines: one line each, facts as fields, and nothing that a client can break out of."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import hpack
import pytest

from bridge.observability import log

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = [
    pytest.param("a b", id="space"),
    pytest.param('a"b', id="quote"),
    pytest.param("a=b", id="equals"),
    pytest.param("a\nINFO forged", id="new line"),
    pytest.param("a\x1b[2Jb", id="escape"),
    pytest.param("a\u2028b", id="line separator"),
    pytest.param("a\udcffb", id="lone surrogate"),
    pytest.param("", id="empty"),
]


def record(facts: dict[str, Any] | None = None, exc_info: Any = None) -> logging.LogRecord:
    made = logging.LogRecord("bridge.access", logging.WARNING, "", 0, "request %s", ("done",), exc_info)
    if facts is not None:
        made.facts = facts
    return made


def failure() -> Any:
    try:
        int("why")
    except ValueError:
        return sys.exc_info()


def test_a_text_line_has_time_level_logger_message_and_facts() -> None:
    line = log.TextFormatter("[bridge] ").format(record({"model": "org/m", "seconds": 0.5}))
    prefix, time, rest = line.split(" ", 2)
    assert (prefix, rest) == ("[bridge]", "WARNING bridge.access request done model=org/m seconds=0.5")
    assert len(time) == len("12:34:56.789")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_within_its_field(value: str) -> None:
    line = log.TextFormatter().format(record({"request_id": value, "model": "m"}))
    head, _, quoted = line.partition("request_id=")
    assert quoted == f"{value!a} model=m"
    assert line.isprintable()
    assert head


@pytest.mark.parametrize("value", ["req_1", "org/model:tag", "é", "-"])
def test_a_harmless_value_is_not_quoted(value: str) -> None:
    assert log.TextFormatter().format(record({"x": value})).endswith(f" x={value}")


@pytest.mark.parametrize("value", [item for item in HOSTILE if item.id != "lone surrogate"])
def test_json_is_one_line_with_the_facts_beside_the_message(value: str) -> None:
    line = log.JsonFormatter().format(record({"request_id": value, "seconds": 0.5}))
    assert "\n" not in line
    entry = json.loads(line)
    assert isinstance(entry.pop("ts"), float)
    assert entry == {
        "level": "warning",
        "logger": "bridge.access",
        "msg": "request done",
        "request_id": value,
        "seconds": 0.5,
    }


@pytest.mark.parametrize("formatter", [log.TextFormatter(), log.JsonFormatter()])
def test_a_line_may_have_no_facts(formatter: logging.Formatter) -> None:
    assert "request done" in formatter.format(record())


def test_a_traceback_follows_a_text_line() -> None:
    first, *rest = log.TextFormatter().format(record({"x": 1}, failure())).splitlines()
    assert first.endswith("x=1")
    assert rest[-1] == "ValueError: invalid literal for int() with base 10: 'why'"


def test_a_traceback_is_a_field_of_a_json_line() -> None:
    line = log.JsonFormatter().format(record({}, failure()))
    assert json.loads(line)["exception"].endswith("ValueError: invalid literal for int() with base 10: 'why'")
    assert "\n" not in line


def test_facts_of_the_process_stand_in_every_json_line() -> None:
    line = log.JsonFormatter({"worker": 2}).format(record({"model": "m"}))
    assert {"worker": 2, "model": "m"}.items() <= json.loads(line).items()


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.parametrize(("form", "kind"), [("text", log.TextFormatter), ("json", log.JsonFormatter)])
def test_all_lines_go_to_standard_error_in_one_form(
    root: logging.Logger, capsys: pytest.CaptureFixture[str], form: str, kind: type
) -> None:
    log.configure("info", form)
    log.configure("info", form)
    assert [type(handler.formatter) for handler in root.handlers] == [kind]
    logging.getLogger("bridge.x").info("shown")
    logging.getLogger("bridge.x").debug("hidden")
    out, err = capsys.readouterr()
    assert (out, err.count("shown"), err.count("hidden")) == ("", 1, 0)


def test_header_blocks_are_in_no_log(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug", "text")
    block = hpack.Encoder().encode([("authorization", "secret")], huffman=False)
    hpack.Decoder().decode(block)
    logging.getLogger("bridge.x").debug("shown")
    err = capsys.readouterr().err
    assert "shown" in err
    assert "secret" not in err
