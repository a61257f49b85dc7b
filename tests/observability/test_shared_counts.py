"""Counts of several processes: summed, exact when one is killed, gone where only life counts."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.observability import row_file
from bridge.observability.metrics import Metrics
from bridge.observability.row_file import STEP, RowFile
from bridge.observability.shared_counts import SharedCounts, forget_the_living

ROOT = Path(__file__).parents[2]
COUNTING = """
import sys
from pathlib import Path
from bridge.observability.metrics import Metrics
from bridge.observability.shared_counts import SharedCounts

metrics = Metrics(SharedCounts(Path(sys.argv[1]), 1))
metrics.in_flight.labels("http", "chat").inc()
for n in range(1, 1_000_000_000):
    metrics.tokens.labels("m", "prompt").inc()
    metrics.inter_token.labels("chat", f"m{n % 600}").add(0.02)
    print(n, flush=True)
"""


def worker(directory: Path, number: int) -> Metrics:
    return Metrics(SharedCounts(directory, number))


def shown(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {f"{sample.name}{sample.labels}": sample.value for family in families for sample in family.samples}


def count(metrics: Metrics) -> None:
    metrics.tokens.labels("m", "prompt").inc(3)
    metrics.in_flight.labels("http", "chat").inc()
    metrics.inter_token.labels("chat", "m").add(0.02, 2)
    metrics.first_token.labels("chat", "m").add(700.0)


def test_each_process_answers_for_all(tmp_path: Path) -> None:
    first, second, alone = worker(tmp_path, 1), worker(tmp_path, 2), Metrics()
    for metrics in (first, second, alone, alone):
        count(metrics)
    assert shown(first) == shown(second) == shown(alone)
    assert len(shown(alone)) > 20


def test_what_nobody_has_counted_is_shown_as_in_one_process(tmp_path: Path) -> None:
    assert worker(tmp_path, 1).text() == Metrics().text()


def test_a_successor_goes_on_where_its_predecessor_ended(tmp_path: Path) -> None:
    count(worker(tmp_path, 1))
    forget_the_living(tmp_path, 1)
    successor, alone = worker(tmp_path, 1), Metrics()
    successor.tokens.labels("m", "prompt").inc(4)
    for _ in range(2):
        count(alone)
    alone.in_flight.labels("http", "chat").dec()
    count(successor)
    alone.tokens.labels("m", "prompt").inc(4)
    assert shown(successor) == shown(alone)


def test_a_process_that_has_ended_has_counted_but_does_not_live(tmp_path: Path) -> None:
    count(worker(tmp_path, 1))
    other = worker(tmp_path, 2)
    assert other._registry.get_sample_value("openai_bridge_requests_in_flight", IN_FLIGHT) == 1
    forget_the_living(tmp_path, 1)
    forget_the_living(tmp_path, 1)
    assert other._registry.get_sample_value("openai_bridge_requests_in_flight", IN_FLIGHT) is None
    assert other._registry.get_sample_value("openai_bridge_tokens_total", TOKENS) == 3


IN_FLIGHT = {"door": "http", "endpoint": "chat"}
TOKENS = {"model": "m", "kind": "prompt"}


def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        lines = [int(process.stdout.readline()) for _ in range(1000)]  # the file has grown by then
        reader = worker(tmp_path, 2)
        mid = reader._registry.get_sample_value("openai_bridge_tokens_total", TOKENS)
        process.send_signal(signal.SIGKILL)
        lines += map(int, process.stdout)
    done = lines[-1]
    for metrics in (reader, worker(tmp_path, 1)):
        total = metrics._registry.get_sample_value("openai_bridge_tokens_total", TOKENS)
        times = [value for name, value in shown(metrics).items() if name.startswith(f"{TIMES}_count")]
        assert total in (done, done + 1)
        assert sum(times) in (done, done + 1)
        assert mid is not None
        assert 1000 <= mid <= total
    assert (tmp_path / "lasting-1").stat().st_size >= 2 * STEP


TIMES = "openai_bridge_inter_token_seconds"


def test_rows_given_out_stay_true_when_the_file_grows(tmp_path: Path) -> None:
    rows = RowFile(tmp_path / "rows")
    first = rows.row(("first",), 2)
    while (tmp_path / "rows").stat().st_size == STEP:
        rows.row((f"filler{len(list(row_file.read(tmp_path / 'rows')))}",), 500)
    first[1] += 7.0
    assert list(dict(row_file.read(tmp_path / "rows"))[("first",)]) == [0.0, 7.0]
    assert list(RowFile(tmp_path / "rows").row(("first",), 2)) == [0.0, 7.0]


@pytest.mark.parametrize("size", range(9))
def test_a_key_of_any_length_is_read_back(tmp_path: Path, size: int) -> None:
    rows = RowFile(tmp_path / "rows")
    keys = [("é" * size,), ("a" * size, "", 'b"\\')]
    for number, key in enumerate(keys, 1):
        rows.row(key, 3)[2] = number
    assert {key: list(row) for key, row in row_file.read(tmp_path / "rows")} == {
        keys[0]: [0.0, 0.0, 1.0],
        keys[1]: [0.0, 0.0, 2.0],
    }


def test_a_row_larger_than_a_step_has_room(tmp_path: Path) -> None:
    rows = RowFile(tmp_path / "rows")
    rows.row(("large",), STEP)[STEP - 1] = 1.0
    assert dict(row_file.read(tmp_path / "rows"))[("large",)][STEP - 1] == 1.0
