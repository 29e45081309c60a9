"""Imports point one way (docs/architecture.md), and the command line starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "genrun"
KINDS = (
    "backbone",
    "data",
    "optimizer",
    "regularization",
    "stopping",
    "metric",
    "features",
    "model",
    "updates",
    "tracker",
)
MAY_IMPORT = {
    "core": set(),
    **{kind: {"core"} for kind in KINDS},
    "stopping": {"core", "study"},  # the pruner asks a search's study
    "study": {"core", "runs"},
    "health": {"core"},
    "training": {"core"},
    "runs": {"core"},
    "terminal": {"core"},
    "groups": set(),
    "full_errors": set(),
    "statistics": set(),
    "limits": set(),
    "words": {"core", "groups"},
    "values": {"core", "limits", "words"},
    "yaml_files": {"core"},
    "hydra_settings": {"core", "values"},
    "config": {"core", "groups", "values", "words"},
    "clear_errors": {"core", "config"},
    "help_text": {"core", "groups"},
    "compose": {
        "core",
        "config",
        "clear_errors",
        "groups",
        "hydra_settings",
        "values",
        "words",
        "yaml_files",
    },
    "sweep_grid": {"core", "clear_errors", "compose", "words"},
    "hydra_call": {"config", "full_errors", "groups", "runs", "words"},
    "build": {"core", "training", "health", *KINDS},
    "facts": {"core", "build"},
    "room": {"core", "build"},
    "saved": {
        "core",
        "clear_errors",
        "config",
        "runs",
        "groups",
        "values",
        "words",
        "yaml_files",
    },
    "ending": {"core", "training", "runs", "build", "facts"},
    "tracking": {"core", "training", "runs", "values"},
    "restoring": {"core", "data", "training", "runs", "build", "facts", "saved"},
    "assessing": {"core", "build", "data", "groups", "restoring", "runs", "saved", "training"},
    "experiment": {
        "core",
        "training",
        "runs",
        "build",
        "facts",
        "room",
        "ending",
        "restoring",
        "saved",
        "tracking",
    },
    "api": {
        "core",
        "training",
        "runs",
        "build",
        "experiment",
        "compose",
        "facts",
        "assessing",
        "room",
        "saved",
        "terminal",
    },
    "proving": {
        "api",
        "build",
        "comparing",
        "compose",
        "config",
        "core",
        "evidence",
        "experiment",
        "groups",
        "report",
        "room",
        "runs",
        "sweep_grid",
        "sweeps",
        "terminal",
        "training",
        "words",
        "yaml_files",
    },
    "evidence": {"core", "groups", "runs", "sweeps"},
    "comparing": {
        "core",
        "config",
        "evidence",
        "groups",
        "runs",
        "statistics",
        "sweeps",
        "terminal",
    },
    "replaying": {
        "core",
        "build",
        "compose",
        "config",
        "evidence",
        "groups",
        "runs",
        "statistics",
        "study",
        "sweep_grid",
        "sweeps",
        "terminal",
        "words",
    },
    "report": {"comparing", "core", "evidence", "runs", "statistics", "sweeps"},
    "sweeps": {
        "core",
        "build",
        "compose",
        "experiment",
        "groups",
        "hydra_call",
        "limits",
        "room",
        "runs",
        "statistics",
        "study",
        "sweep_grid",
        "terminal",
        "training",
        "words",
    },
}


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "genrun" and len(part) > 1}


FILES = [path for path in SOURCE.rglob("*.py") if room(path) in MAY_IMPORT]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = room(path)
    rooms = {p.name.removesuffix(".py") for p in SOURCE.iterdir()}
    assert imported_rooms(path) & rooms - {own} <= MAY_IMPORT[own]


def test_rich_is_imported_in_the_terminal_only() -> None:
    for path in SOURCE.rglob("*.py"):
        if room(path) != "terminal":
            assert "from rich" not in path.read_text(), path


def test_one_module_opens_a_pickle() -> None:
    """docs/decisions/0010-one-pickle-is-opened.md"""
    opening = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(name.name == "pickle" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "pickle")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load")
    }
    assert opening == {"features/efficientnet.py"}


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--cfg", "job"], ["--cfg", "job", "model=vae"], ["-sc", "install=bash"],
     ["resume", "--help"], ["list", "."], ["compare", "--help"],
     ["report", "--help"], ["--version"], ["model=nothing"]],
)  # fmt: skip
def test_torch_is_not_imported_for(words: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['genrun', *sys.argv[1:]]\n"
        "from genrun.cli import run\n"
        "try: run(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
