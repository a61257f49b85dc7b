"""`openai-bridge` as it is, in a process that writes the number of its tasks to a file at every SIGUSR1.

Used as `python -m tests.soak.counted FILE ARGUMENT...`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from bridge import cli


def main() -> int:
    """Run the command."""
    file = Path(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: file.write_text(str(len(asyncio.all_tasks()))))
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
