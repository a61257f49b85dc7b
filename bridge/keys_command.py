"""`openai-bridge keys`: making, listing and revoking API keys in their file."""

from __future__ import annotations

import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from bridge.access.key_file import changed, load
from bridge.access.keys import PREFIX, Key, check_name, digest
from bridge.config import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ENTROPY: Final = 32
"""Random bytes of a key."""

HEADINGS: Final = ("NAME", "CREATED", "EXPIRES", "MODELS", "LIMITS")
_LIMITS: Final = ("max_concurrent_requests", "requests_per_minute", "tokens_per_minute")


def add_parsers(commands: Any) -> None:
    """Add `add`, `list` and `revoke` to the subcommands of `keys`; each sets `run`, args -> exit code."""
    adding = _parser(commands, "add", "make a key and show it, this once")
    adding.add_argument("name", metavar="NAME", help="whose it is: shown by `list` and in the log")
    adding.add_argument("--models", metavar="A,B", help="models that it may see and ask (default: all)")
    adding.add_argument(
        "--expires", metavar="90d|DATE", help="when it ends to be valid, in days or as 2027-01-31 (UTC)"
    )
    adding.add_argument("--admin", action="store_true", help="whether it may load and unload models")
    for name in _LIMITS:
        adding.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=0, metavar="N", help="0: no limit"
        )
    adding.set_defaults(run=lambda args: _add(args, datetime.now(UTC), sys.stdout))
    _parser(commands, "list", "show what each key may do").set_defaults(
        run=lambda args: _list(args, datetime.now(UTC), sys.stdout)
    )
    revoking = _parser(commands, "revoke", "take a key away")
    revoking.add_argument("name", metavar="NAME", help="as `list` shows it")
    revoking.set_defaults(run=_revoke)


def _parser(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    parser.add_argument(
        "--file", type=Path, required=True, metavar="FILE", help="the key_file of the configuration"
    )
    return parser


def _add(args: argparse.Namespace, now: datetime, out: TextIO) -> int:
    check_name(args.name, "NAME")
    secret = PREFIX + secrets.token_urlsafe(ENTROPY)
    key = Key(
        name=args.name,
        sha256=digest(secret),
        created=now.replace(microsecond=0),
        expires=None if args.expires is None else _moment(args.expires, now),
        models=None if args.models is None else tuple(filter(None, map(str.strip, args.models.split(",")))),
        admin=args.admin,
        **{name: getattr(args, name) for name in _LIMITS},
    )
    key.check(args.name)
    with changed(args.file) as keys:
        if args.name in keys:
            raise ConfigError(f"NAME: {args.file} has a key of the name {args.name}: revoke it first")
        keys[args.name] = key
    out.write(f"{secret}\n")
    sys.stderr.write("Keep this key: only its hash is in the file, so that it cannot be shown again.\n")
    return 0


def _moment(text: str, now: datetime) -> datetime:
    """Return the time that `90d` or a date means."""
    try:
        if days := re.fullmatch(r"(\d{1,5})d", text):
            when = now.replace(microsecond=0) + timedelta(days=int(days[1]))
        else:
            when = datetime.fromisoformat(text)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigError(f"--expires: must be 90d, or a date such as 2027-01-31, not {text}") from None
    if when <= now:
        raise ConfigError(f"--expires: {text} is past")
    return when


def _list(args: argparse.Namespace, now: datetime, out: TextIO) -> int:
    rows = [HEADINGS, *_rows(load(args.file).keys, now)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.write("  ".join(cells).rstrip() + "\n")
    return 0


def _rows(keys: tuple[Key, ...], now: datetime) -> Iterator[tuple[str, ...]]:
    for key in keys:
        expires = "never" if key.expires is None else f"{key.expires:%Y-%m-%d}"
        past = key.expires is not None and key.expires <= now
        models = "all" if key.models is None else ",".join(key.models) or "none"
        limits = [f"{name}={value}" for name in _LIMITS if (value := getattr(key, name))]
        yield (
            f"{key.name} (admin)" if key.admin else key.name,
            f"{key.created:%Y-%m-%d}" if key.created else "-",
            f"{expires} (expired)" if past else expires,
            models,
            " ".join(limits) or "-",
        )


def _revoke(args: argparse.Namespace) -> int:
    with changed(args.file) as keys:
        if keys.pop(args.name, None) is None:
            raise ConfigError(f"NAME: {args.file} has no key of the name {args.name}")
    return 0
