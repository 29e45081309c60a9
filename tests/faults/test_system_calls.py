"""System calls of a run: files are synced before they are renamed, and not truncated on open."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SMALL, last_wins

CALL = re.compile(r"^(?:\[pid\s+\d+\] |\d+\s+)?(\w+)\((.*)\)\s+= (-?\d+)")
TRACED = "openat,open,creat,rename,renameat,renameat2,fsync,fdatasync,ftruncate,truncate,close"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_file_is_synced_before_it_gets_its_name(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    words = ["strace", "-f", "-y", "-qq", "-s", "300", "-e", f"trace={TRACED}", "-o", str(trace)]
    done = subprocess.run(
        [*words, sys.executable, "-m", "genrun", *last_wins([*SMALL, "save_every=2"])],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/*/*")
    synced: set[str] = set()
    renamed = []
    for line in trace.read_text(errors="replace").splitlines():
        matched = CALL.match(line)
        if matched is None or str(run) not in line:
            continue
        call, arguments, result = matched[1], matched[2], int(matched[3])
        if call in ("fsync", "fdatasync"):
            synced.add(arguments.split("<", 1)[1].rstrip(">"))
        elif call.startswith("rename"):
            source, target = re.findall(r'"([^"]*)"', arguments)[-2:]
            assert source in synced, f"{source} was renamed to {target} and not synced"
            renamed.append(target)
        elif call in ("open", "openat", "creat") and result >= 0:
            in_hydra = "/.hydra/" in arguments  # written once by Hydra, never read by genrun
            assert in_hydra or "O_TRUNC" not in arguments, line
    names = {Path(name).name[:4] for name in renamed}
    assert names >= {"ckpt", "run.", "conf", "step"}, names
    assert str(run / "checkpoints") in synced
    assert str(run / "metrics.jsonl") in synced
