"""The command line: arguments to configuration, configuration to app, failures to exit codes.

0 is a clean end, 1 a failure while running, 2 a wrong argument or setting.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge import check, config, demo_command, keys_command, loop, status_command
from bridge.deploy import command as deploy_command
from bridge.dynamo import serving as dynamo
from bridge.observability import log
from bridge.operators import serving as operators
from bridge.workers.serving import serve
from bridge.workers.supervisor import WorkersFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.config import Config

CONFIG_FLAGS = (
    "host",
    "http_port",
    "grpc_port",
    "triton",
    "upstream",
    "nats",
    "dynamo",
    "workers",
    "default_model",
    "log_level",
    "log_format",
)
"""Flags that set the key of the same name in the configuration."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except config.ConfigError as exc:
        where = f"{args.config}: " if getattr(args, "config", None) else ""
        return _complain(f"{where}{exc}", 2)
    except OSError as exc:
        if exc.filename:
            return _complain(f"{exc.filename}: {exc.strerror}", 2)
        return _complain(str(exc), 1)
    except WorkersFailed as exc:
        return _complain(str(exc), 1)
    except KeyboardInterrupt:
        return 130
    return code


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"openai-bridge: {text}\n")
    return code


def _settings(args: argparse.Namespace) -> Config:
    """Return the configuration, and begin to log as it says."""
    settings = _loaded(args)
    log.configure(settings.log_level, settings.log_format)
    return settings


def _loaded(args: argparse.Namespace) -> Config:
    return config.load(
        args.config, {name: getattr(args, name) for name in CONFIG_FLAGS if hasattr(args, name)}
    )


def _serve(args: argparse.Namespace) -> int:
    loop.run(serve(_settings(args)))
    return 0


def _work(args: argparse.Namespace) -> int:
    settings = _settings(args)
    joins_dynamo = settings.dynamo.url is not None
    if joins_dynamo and settings.nats.url is not None:
        raise config.ConfigError("dynamo.url: a worker joins one plane, and nats.url is set too")
    loop.run(dynamo.serve(settings) if joins_dynamo else operators.serve(settings))
    return 0


def _status(args: argparse.Namespace) -> int:
    view = status_command.View(once=args.once, as_json=args.json, interval=args.interval)
    return loop.run(status_command.run(_loaded(args), view, sys.stdout))


def _check(args: argparse.Namespace) -> int:
    return loop.run(check.run(_settings(args), sys.stdout))


def _demo(args: argparse.Namespace) -> int:
    return loop.run(demo_command.run(_settings(args), args.triton_grpc_port, sys.stdout))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="openai-bridge",
        description="The OpenAI API over HTTP and gRPC in front of NVIDIA Triton Inference Server.",
    )
    parser.add_argument("--version", action="version", version=f"openai-bridge {version('openai-bridge')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = _command(commands, "serve", "serve the models of a running Triton")
    _add_upstream(serving)
    serving.add_argument(
        "--upstream",
        metavar="URL",
        help="serve, instead of a Triton, another bridge (grpc://HOST:PORT, or grpcs:// with TLS)"
        " or a request plane (nats://HOST:PORT)",
    )
    _add_doors(serving)
    serving.set_defaults(run=_serve)
    working = _command(
        commands, "worker", "offer the models of a running Triton on a request plane (NATS, Dynamo)"
    )
    _add_upstream(working)
    _add_nats(working)
    working.add_argument(
        "--dynamo",
        metavar="URL",
        help="join an NVIDIA Dynamo cluster instead (experimental): where its frontends look for workers,"
        " file:///PATH or etcd://HOST:PORT",
    )
    _add_logs(working)
    working.set_defaults(run=_work)
    demo = _command(
        commands, "demo", "start a real Triton with a small demo model, and the bridge in front of it"
    )
    _add_doors(demo)
    demo.add_argument(
        "--triton-grpc-port",
        type=int,
        default=0,
        metavar="PORT",
        help="Triton's gRPC port (default: a free one)",
    )
    demo.set_defaults(run=_demo)
    checking = _command(
        commands, "check", "list a Triton's models: served or not, as what, why not, how each gets each field"
    )
    _add_upstream(checking)
    _add_logs(checking)
    checking.set_defaults(run=_check)
    watching = _command(
        commands, "status", "show the front ends, workers and models of a request plane (NATS)"
    )
    _add_nats(watching)
    _add_config(watching)
    status_command.add_arguments(watching)
    watching.set_defaults(run=_status)
    deploying = _command(
        commands, "deploy", "start what a file lists: NATS, Tritons, workers, front ends; keep it running"
    )
    deploy_command.add_arguments(deploying)
    deploying.set_defaults(run=deploy_command.run)
    keys = _command(commands, "keys", "make, list and revoke API keys")
    keys_command.add_parsers(keys.add_subparsers(required=True, metavar="COMMAND"))
    return parser


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    # No abbreviations: `demo --triton HOST:PORT` would be taken for --triton-grpc-port.
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    return command


def _add_upstream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--triton",
        action="append",
        metavar="HOST:PORT",
        help="Triton's gRPC endpoint, such as localhost:8001; again for each further one",
    )


def _add_doors(parser: argparse.ArgumentParser) -> None:
    defaults = config.Config()
    parser.add_argument("--host", help=f"address to listen on (default: {defaults.host})")
    for key, door in (("http_port", "HTTP"), ("grpc_port", "gRPC")):
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            type=int,
            metavar="PORT",
            help=f"port of the {door} door, 0 for a free one (default: {getattr(defaults, key)})",
        )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help=f"processes that share the ports (default: {defaults.workers})",
    )
    parser.add_argument("--default-model", metavar="NAME", help="model for requests that name none")
    _add_logs(parser)


def _add_nats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nats", metavar="nats://HOST:PORT", help="the request plane's NATS server")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file; flags win over it")


def _add_logs(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="default: info")
    parser.add_argument("--log-format", choices=("text", "json"), help="default: text")
