"""What is measured: every load, and on which server. Figures and targets are in figures.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.load.client import Load

ROUNDS: Final = 5
TICKS: Final = {"tick-2ms": (200, 3), "tick-20ms": (100, 1)}
"""Model -> tokens of an answer, answers per connection."""
APART: Final = tuple(f"tick-{ms}ms" for ms in range(12, 28))
"""Models that step each at its own time: one stream's token comes without those of the others."""
STREAMS: Final = (1, 32, 64, 128, 256)
MANY: Final = 128
"""Streams that make a load last long enough with fewer answers each."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on one server."""

    server: str
    """A key of `servers.Servers`."""
    model: str
    load: Load
    models: tuple[str, ...] = ()
    """Asked in turn by the connections, in place of `model`."""

    @property
    def name(self) -> str:
        """Unique among scenarios."""
        tokens = (
            ""
            if self.load.tokens in {tokens for tokens, _ in TICKS.values()}
            else f" {self.load.tokens} tokens"
        )
        return f"{self.server} {self.model} x{self.load.streams}{tokens}"


def _ticking(server: str, model: str, streams: int) -> Scenario:
    tokens, requests = TICKS[model]
    if streams == 1:
        requests *= 2  # one stream alone uses little CPU
    elif streams > MANY:
        requests = max(1, requests - 1)
    return Scenario(server, model, Load(streams, requests, tokens))


def _burst(server: str, streams: int) -> Scenario:
    return Scenario(server, "burst", Load(streams, max(2, 300 // streams), 200))


def one_token(server: str) -> Scenario:
    """Return the load that shows what a request costs."""
    return Scenario(server, "burst", Load(16, 60, 1))


def first_token(server: str) -> Scenario:
    """Return the load that shows the time to the first token: one stream on a warm connection."""
    return Scenario(server, "tick-2ms", Load(1, 150, 5))


HTTP: Final = (
    *(_ticking("http", model, streams) for model in TICKS for streams in STREAMS),
    *(_burst("http", streams) for streams in (1, 32, 128)),
    one_token("http"),
)
BESIDE: Final = _ticking("http", "tick-20ms", 32)
"""Is run a second time beside clients that do not read."""
WHOLE: Final = (_ticking("http-whole", "tick-2ms", 128),)
GRPC: Final = (
    *(
        _ticking(server, model, streams)
        for model, streams in (("tick-2ms", 32), ("tick-2ms", 128), ("tick-20ms", 64), ("tick-20ms", 256))
        for server in ("grpc-floor", "grpc")
    ),
    _ticking("grpc", "tick-2ms", 1),
    _burst("grpc", 32),
    one_token("grpc"),
)
FIRST_TOKEN: Final = tuple(first_token(server) for server in ("triton", "http", "grpc"))
WORKERS: Final = (_ticking("http-2-workers", "tick-2ms", 128), _burst("http-2-workers", 128))
PLANE: Final = (
    *(_ticking("plane", model, 64) for model in TICKS),
    *(Scenario(server, "tick-apart", Load(64, 1, 100), APART) for server in ("http", "plane")),
    first_token("plane"),
)
"""Beside the same of `HTTP` and `FIRST_TOKEN`."""
DYNAMO: Final = tuple(
    scenario
    for server in ("dynamo", "dynamo-text")
    for scenario in (
        *(_ticking(server, "tick-2ms", streams) for streams in (32, 128)),
        *(_ticking(server, "tick-20ms", streams) for streams in (64, 256)),
        one_token(server),
        first_token(server),
    )
)
LITELLM: Final = (
    # It takes milliseconds for each request, and closes a connection that has been idle for 5 s.
    Scenario("litellm", "tick-2ms", Load(32, 1, 100, warm=False)),
    Scenario("litellm", "burst", Load(16, 3, 1, warm=False)),
    Scenario("litellm", "tick-2ms", Load(1, 10, 5)),
)
SMOKE: Final = (
    _ticking("http", "tick-2ms", 128),
    _ticking("grpc-floor", "tick-2ms", 32),
    _ticking("grpc", "tick-2ms", 32),
)
SMOKE_PLANE: Final = tuple(_ticking(server, "tick-2ms", 64) for server in ("http", "plane"))
SMOKE_ROUNDS: Final = 3
OPEN: Final = Scenario("http-fresh", "tick-1000ms", Load(10_000, 1, 30, warm=False, limit=180))
PEERS: Final = ("dynamo", "dynamo-text", "litellm")
"""Servers whose failures are told and do not fail the run."""
MODELS: Final = tuple(dict.fromkeys(("burst", *TICKS, *APART, "tick-1000ms")))
"""What the mock serves."""
