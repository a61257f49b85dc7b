"""gen/ is what `buf generate` makes of proto/ today: the same files with the same bytes."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("proto", "buf.yaml", "buf.gen.yaml")


def read_tree(folder: Path) -> dict[str, bytes]:
    """Returns path to content of every file below `folder`, without Python's caches."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def generate(folder: Path) -> dict[str, bytes]:
    """Copies the sources to `folder`, generates there with this interpreter's tools, returns the files."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    # Not resolved: in a virtual environment `python` is a link, and the tools lie beside the link.
    bins = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"), os.environ["PATH"])
    environment = {**os.environ, "PATH": os.pathsep.join(bins)}
    buf = shutil.which("buf", path=environment["PATH"])
    assert buf is not None, "buf is not installed beside this Python: pip install -e '.[dev]'"
    done = subprocess.run(
        [buf, "generate"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return read_tree(folder / "gen")


def test_gen_equals_what_buf_generates_from_proto(tmp_path: Path) -> None:
    fresh, committed = generate(tmp_path), read_tree(ROOT / "gen")
    assert fresh, "buf generate made no file"
    stale = sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))
    assert not stale, f"gen/ is stale, run `make gen`: {', '.join(stale)}"
