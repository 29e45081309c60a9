"""The wheel, installed elsewhere, runs with its configs and its data."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def test_wheel_runs_elsewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("genrun-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "genrun/conf/config.yaml" in names
    assert {"genrun/report/templates/page.html", "genrun/report/templates/report.js"} <= {*names}
    assert "genrun/components/data/assets/mnist_10k.npz" in names

    # An environment with nothing of ours in it; the dependencies are taken from this one.
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(here))

    alone = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [environment / "bin" / "genrun", "model=vae", "steps=5"],
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/*/*/run.json")
    where = [python, "-c", "import genrun.config.groups as c; print(c.conf_folder())"]
    shown = subprocess.run(
        where, cwd=tmp_path, env=alone, capture_output=True, text=True, check=True
    )
    assert str(packages) in shown.stdout
    assert (run.parent / "samples" / "step-000005.png").is_file()
