"""What `src/genrun` may look like: which package imports which, and what only one place may do."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "genrun"

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "statistics": set(),
    "components": {"core"},
    "config": {"core"},
    "training": {"core"},
    "runs": {"core"},
    "terminal": {"core"},
    "experiment": {"components", "config", "core", "runs", "training"},
    "evaluation": {"components", "config", "core", "experiment", "runs", "training"},
    "sweeps": {"config", "core", "experiment", "runs", "terminal", "training"},
    "api": {"config", "core", "evaluation", "experiment", "runs", "terminal", "training"},
    "results": {"config", "core", "runs", "statistics", "sweeps", "terminal"},
    "comparison": {"core", "results", "runs", "statistics", "sweeps", "terminal"},
    "replay": {
        "config", "core", "experiment", "results", "runs", "statistics", "sweeps", "terminal",
    },
    "report": {"comparison", "core", "results", "runs", "statistics", "sweeps"},
    "proof": {
        "api", "comparison", "config", "core", "experiment", "report", "results", "runs",
        "sweeps", "terminal", "training",
    },
}  # fmt: skip
ENTRY_POINTS = {"cli", "commands", "__init__", "__main__"}  # what people call; import anything
MOST_ARROWS = 100
LONGEST_FUNCTION = 50

# Interfaces that their owners call private. When an upgrade moves one, this test names the one
# file to mend; what it needs from the library is in that file's docstring.
PRIVATE = {
    "hydra._internal": "config/hydra_internals.py",
    "torch._C": "core/torch_internals.py",
    "torch._library": "core/torch_internals.py",
}

FILES = sorted(SOURCE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def entry(path: Path) -> str:
    """The package or module directly below `src/genrun` that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imported_entries(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path)]
    known = {*MAY_IMPORT, *ENTRY_POINTS}
    own = {part[1] for part in parts if part[0] == "genrun" and len(part) > 1}
    return (own & known) - {entry(path)}


def arrows() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        found[entry(path)] |= imported_entries(path)
    return found


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    own = entry(path)
    assert own in MAY_IMPORT or own in ENTRY_POINTS, "a file must lie in a listed package"
    if own in MAY_IMPORT:
        assert imported_entries(path) <= MAY_IMPORT[own]


def test_the_top_is_what_the_table_lists() -> None:
    names = {path.name.removesuffix(".py") for path in SOURCE.iterdir()}
    assert names - {"__pycache__", "py.typed"} == {*MAY_IMPORT, *ENTRY_POINTS}


def test_there_are_few_arrows_and_no_cycle(capsys: pytest.CaptureFixture[str]) -> None:
    found = arrows()
    order = list(TopologicalSorter(found).static_order())  # CycleError if there is one
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[other] for other in found[name]), default=-1)
    count = sum(map(len, found.values()))
    with capsys.disabled():
        print(
            f"\n{count} arrows between {len(order)} entries, longest chain {max(depth.values())}"
        )
    assert count <= MOST_ARROWS


def test_component_groups_do_not_import_each_other() -> None:
    for path in (SOURCE / "components").rglob("*.py"):
        own = path.relative_to(SOURCE / "components").parts[0]
        for name in imported(path):
            parts = name.split(".")
            if parts[:2] == ["genrun", "components"]:
                assert parts[2] == own, f"{relative(path)} imports {name}"


def test_modules_without_underscore_are_the_choices_of_conf() -> None:
    targets = set()
    for path in (ROOT / "conf").rglob("*.yaml"):
        content = yaml.safe_load(path.read_text()) or {}
        target = content.get("_target_", "") if isinstance(content, dict) else ""
        if target.startswith("genrun.components."):
            group, module = target.split(".")[2:4]
            targets.add((group, module))
    folder = SOURCE / "components"
    modules = {
        (path.parent.relative_to(folder).as_posix(), path.stem)
        for path in folder.rglob("*.py")
        if not path.stem.startswith("_")
    }
    assert modules == targets
    assert {group for group, _ in modules} <= {p.name for p in (ROOT / "conf").iterdir()}


WRITING = {
    "mkdir", "unlink", "rmdir", "rmtree", "rename", "replace", "remove", "makedirs", "symlink",
    "write_text", "write_bytes", "touch", "copyfile", "copy2", "copytree", "move", "mkstemp",
}  # fmt: skip
ON_PATHS = {"mkdir", "unlink", "rmdir", "write_text", "write_bytes", "touch"}  # as methods
MODULES = {"os", "shutil", "tempfile"}


def writes(node: ast.AST) -> bool:
    """Whether a call creates, changes or removes a file, by its name."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    texts = [a.value for a in [*node.args, *(k.value for k in node.keywords)]
             if isinstance(a, ast.Constant) and isinstance(a.value, str)]  # fmt: skip
    if isinstance(called, ast.Name):
        return called.id == "open" and any(set(text) & set("wax+") for text in texts[-1:])
    if not isinstance(called, ast.Attribute):
        return False
    owner = called.value.id if isinstance(called.value, ast.Name) else ""
    if owner == "os" and called.attr == "open":
        return "O_WRONLY" in ast.unparse(node) or "O_CREAT" in ast.unparse(node)
    if owner in MODULES:
        return called.attr in WRITING
    if called.attr == "open" and owner not in ("Image", "gzip", "tarfile"):
        return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)
    return called.attr in ON_PATHS


def test_files_are_written_in_runs_and_in_the_cache_only() -> None:
    """What a reader may trust of a folder is then decided in one place (docs, "What a run
    survives")."""
    found = {
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        if entry(path) != "runs" and relative(path) != "core/cache.py"
        for node in ast.walk(tree(path))
        if writes(node) and "os.devnull" not in ast.unparse(node)
    }
    assert not found


def test_rich_is_imported_in_the_terminal_only() -> None:
    for path in FILES:
        if entry(path) != "terminal":
            assert not any(name.split(".")[0] == "rich" for name in imported(path)), path


def test_private_interfaces_of_libraries_stand_in_one_file_each() -> None:
    for path in FILES:
        named = {*imported(path)} | {
            ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)
        }
        for private, home in PRIVATE.items():
            if any(name == private or name.startswith(f"{private}.") for name in named):
                assert relative(path) == home, f"{private} is used in {relative(path)}"


def test_a_public_class_name_is_one_class() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(relative(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_functions_are_short() -> None:
    long = {
        f"{relative(path)}:{node.name}": length
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno) > LONGEST_FUNCTION
    }
    assert long == {}


def test_one_module_opens_a_pickle() -> None:
    """docs/decisions/0010-one-pickle-is-opened.md"""
    opening = {
        relative(path)
        for path in FILES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Import) and any(name.name == "pickle" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "pickle")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load")
    }
    assert opening == {"components/features/efficientnet.py"}


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
