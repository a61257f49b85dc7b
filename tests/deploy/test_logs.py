"""The logs of a deployment: which are deleted, what is shown of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.deploy import logs

if TYPE_CHECKING:
    from pathlib import Path


def test_only_logs_of_these_processes_are_deleted(tmp_path: Path) -> None:
    ours = ("worker.0.log", "worker.17.log", "front-end.0.log")
    foreign = ("worker.log", "worker.0.log.gz", "worker.x.log", "other.0.log", "my-worker.0.log", "notes")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "worker.1.log").mkdir()
    for name in (*ours, *foreign, "deeper/worker.0.log"):
        (tmp_path / name).write_text("")

    assert logs.clear(tmp_path, ["worker", "front-end"]) == len(ours)

    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {*foreign, "deeper", "deeper/worker.0.log", "worker.1.log"}


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "worker.0.log").symlink_to(elsewhere)
    assert logs.clear(directory, ["worker"]) == 1
    assert elsewhere.read_text() == "precious"


def test_without_a_directory_there_is_nothing_to_delete(tmp_path: Path) -> None:
    assert logs.clear(tmp_path / "logs", ["worker"]) == 0


def test_the_end_of_a_log_is_that_of_the_last_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    since = log.stat().st_size
    with log.open("a") as out:
        out.write("".join(f"line {number}\n" for number in range(5)))
    assert logs.tail(log, since).splitlines() == [f"line {number}" for number in range(5)]


def test_the_end_of_a_log_is_bounded_and_without_tables(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("line\n" * 100_000 + "the reason\n" + "+---+\n| a |\n\n" * 50)
    shown = logs.tail(log, 0).splitlines()
    assert len(shown) <= logs.LAST_LINES
    assert shown[-1] == "the reason"


def test_an_empty_log_has_no_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    assert logs.tail(log, 0) == ""
