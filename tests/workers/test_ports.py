"""Ports held for workers: theirs alone."""

from __future__ import annotations

import socket

import pytest

from bridge.workers.ports import held

HOST = "127.0.0.1"


def listening(port: int, *, shared: bool) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def test_workers_share_a_held_port_and_the_holder_gets_no_connection() -> None:
    with (
        held(HOST, 0) as port,
        listening(port, shared=True) as first,
        listening(port, shared=True) as second,
    ):
        got = {first: 0, second: 0}
        first.setblocking(False)
        second.setblocking(False)
        for _ in range(100):
            with socket.create_connection((HOST, port), timeout=5):
                for listener in got:
                    try:
                        accepted, _address = listener.accept()
                    except BlockingIOError:
                        continue
                    accepted.close()
                    got[listener] += 1
        assert sum(got.values()) == 100
        assert all(got.values())


def test_a_held_port_is_nobody_elses_before_and_while_workers_listen() -> None:
    with held(HOST, 0) as port:
        demand_alone(port)
        with listening(port, shared=True):
            demand_alone(port)


def demand_alone(port: int) -> None:
    with pytest.raises(OSError, match=f"cannot listen on {HOST}:{port}: Address"), held(HOST, port):
        pass
    with pytest.raises(OSError, match="Address"):
        listening(port, shared=False)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_listens_on_cannot_be_held(shared: bool) -> None:
    with listening(0, shared=shared) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on {HOST}:{port}: "), held(HOST, port):
            pass


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_just_left_can_be_held_and_listened_on(shared: bool) -> None:
    with listening(0, shared=shared) as server:
        port = server.getsockname()[1]
        with socket.create_connection((HOST, port), timeout=5) as client:
            accepted, _ = server.accept()
            accepted.close()  # first: the server's side waits in TIME_WAIT
            assert client.recv(1) == b""
    with held(HOST, port) as again, listening(again, shared=True):
        assert again == port


def test_an_address_that_is_none_is_named() -> None:
    with (
        pytest.raises(OSError, match="cannot listen on no-such-host"),
        held("no-such-host.invalid", 1),
    ):
        pass
