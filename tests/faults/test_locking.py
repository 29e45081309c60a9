"""A second writer of a run's folder, with the real command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import SMALL

HOLD = """
import sys, time, pathlib
from genrun.runs.lock import lock_folder
with lock_folder(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_naming_the_process(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "genrun"]
    done = subprocess.run([*words, *SMALL], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/*/*")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        again = subprocess.run(
            [*words, "resume", str(run), "steps=20"], capture_output=True, text=True
        )
        assert again.returncode == 73, again.stderr
        assert f"process {holder.pid} " in again.stderr
        assert json.loads((run / "run.json").read_text())["steps"] == 12
    finally:
        holder.kill()
        holder.wait()
    again = subprocess.run([*words, "resume", str(run), "steps=20"], cwd=tmp_path)
    assert again.returncode == 0
