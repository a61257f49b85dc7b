"""Processes are started, measured and stopped as the figures need it."""

from __future__ import annotations

import os

import pytest

from benchmarks.processes import Cores, Cpu, Process, StartError, python

CORES = Cores.of_this_machine()
BUSY = """
import sys, threading, time
def work():
    while time.thread_time() < 0.2: pass
thread = threading.Thread(target=work)
print("ready 7", flush=True)
sys.stdin.readline()
thread.start(); thread.join()
held = b"x" * 50_000_000
print("done", flush=True)
sys.stdin.readline()
"""


def test_cpu_and_memory_are_those_of_all_threads() -> None:
    with Process(python("-c", BUSY), CORES.server, ready=[r"ready (\d)"]) as process:
        assert process.found == ["7"]
        assert os.sched_getaffinity(process.pids[0]) == CORES.server
        cpu, memory = process.cpu(), process.rss()
        process.tell("go")
        process.wait_for("done", 10)
        assert 0.15 < process.cpu().since(cpu) < 1
        assert process.most_rss() - memory > 40_000_000
        assert process.alive
    assert not process.alive


def test_a_process_that_is_not_ready_says_why() -> None:
    with pytest.raises(StartError, match=r"(?s)ended:.*no such thing"):
        Process(python("-c", "raise SystemExit('no such thing')"), CORES.server, ready=["ready"])
    with pytest.raises(StartError, match="was not ready in time"):
        Process(python("-c", "input()"), CORES.server, ready=["ready"], limit=0.2)


def test_children_are_counted() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with Process(python("-c", child), CORES.server, ready=["1"]) as process:
        assert len(process.pids) == 2
        process.tell("")


def test_the_exact_clock_is_taken_unless_a_thread_took_its_time_with_it() -> None:
    before = Cpu(1.0, 1.0)
    assert Cpu(1.123, 1.12).since(before) == pytest.approx(0.123)
    assert Cpu(1.0, 1.2).since(before) == pytest.approx(0.2)
