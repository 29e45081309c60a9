"""Documents: commands run, links resolve, and the files, choices and keys that are named exist.

CONTRIBUTING.md ("Documents") describes the comments by which a page marks its blocks.
"""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import genrun
import genrun.api
from genrun import cli
from genrun.commands import VERBS
from genrun.config.groups import GROUPS
from tests.conftest import choices

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
TEXTS = [*PAGES, ROOT / "CHANGELOG.md"]
MODES = ("not run", "composed only", "run with")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# Blocks of a page


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comment directly before it."""

    page: Path
    line: int
    language: str
    title: str  # the file to which it is written
    text: str
    mode: str  # one of MODES, or empty
    argument: str  # the reason, or the overrides

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


FENCE = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?$")
COMMENT = re.compile(r"^<!-- (?P<mode>[a-z ]+): (?P<argument>.+) -->$")


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence is None:
            assert not lines[number].startswith("```"), f"{page}:{number + 1}: unreadable fence"
            number += 1
            continue
        end = lines.index("```", number + 1)
        comment = COMMENT.match(lines[number - 1]) if number else None
        mode, argument = (comment["mode"], comment["argument"]) if comment else ("", "")
        assert not mode or mode in MODES, f"{page}:{number}: {mode!r} must be one of {MODES}"
        text = "\n".join(lines[number + 1 : end])
        title = fence["title"] or ""
        yield Block(page, number + 1, fence["language"], title, text, mode, argument)
        number = end + 1


def commands(block: Block) -> Iterator[list[str]]:
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


# Small versions of commands

SMALL = {
    "steps": "4",
    "log_every": "2",
    "evaluate_every": "2",
    "save_every": "4",
    "sample_every": "4",
    "data.batch_size": "8",
    "data.held_out": "32",
    "runtime.threads": "1",
    "runtime.device": "cpu",
}
MORE = {"steps": "6"}  # of genrun resume: further than before
MOST_VALUES = 2  # of a list `a,b,c` in a sweep
SMALL_FOR_VERB: dict[str, dict[str, str]] = {
    "sample": {"count": "4"},
    "evaluate": {
        "samples": "32",
        "resamples": "4",
        "neighbours": "8",
        "likelihood_images": "4",
        "importance_samples": "2",
        "device": "cpu",
    },
    "compare": {"resamples": "1000"},
    "report": {"resamples": "1000"},
    "prove": {**SMALL, "budget": "4", "trials": "2", "seeds": "2", "test": "32"},
}
IF_GIVEN = {  # made small only where the command has them
    "hydra.sweeper.trials": "1",
    "sweep.seeds": "2",
    "data.test": "32",
    "schedule.warmup_steps": "2",
}


def is_training(words: Sequence[str]) -> bool:
    """Whether a command line trains: not a subcommand, and not one that only prints."""
    return not words or (words[0] not in VERBS and not {"--help", "--cfg", "-sc"} & set(words))


def shrunk(words: Sequence[str], overrides: str = "") -> list[str]:
    """The words of a command, with few steps and images, and few values of what is swept."""
    own = dict(word.partition("=")[::2] for word in shlex.split(overrides))
    own = own if is_training(words) or words[0] == "prove" else {}
    if is_training(words):
        small = SMALL | own
        words = [_few_values(word) if "-m" in words else word for word in words]
    elif words[0] in SMALL_FOR_VERB:
        small = SMALL_FOR_VERB[words[0]] | own
        small = {k: v for k, v in small.items() if k != "steps" or words[0] != "prove"}
    else:
        given = {word.partition("=")[0] for word in words}
        small = {key: value for key, value in MORE.items() if key in given} | own
    result = []
    for word in words:
        key, equals, _ = word.partition("=")
        if key == "epochs":
            continue
        if equals and key in small:
            word = f"{key}={small.pop(key)}"
        elif key in IF_GIVEN and words[0] != "resume":
            word = f"{key}={IF_GIVEN[key]}"
        result.append(word)
    return [*result, *(f"{key}={value}" for key, value in small.items())]


def _few_values(word: str) -> str:
    key, _, value = word.partition("=")
    if "," not in value or value.startswith(("[", "{", "log", "int")):
        return word
    return f"{key}={','.join(value.split(',')[:MOST_VALUES])}"


# Running them


def forked(work: Callable[[], Any], folder: Path) -> tuple[int, str]:
    """Exit code and output of a function in a fork of this process, which has imported torch."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # a fork server that this process may have is not the child's to wait for
                forkserver._forkserver._forkserver_pid = None
                os.chdir(folder)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                code = _exit_code(work)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode(errors="replace")


def _exit_code(work: Callable[[], Any]) -> int:
    try:
        work()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_genrun(words: Sequence[str]) -> None:
    sys.argv = ["genrun", *words]
    cli.main()


def run_python(text: str) -> None:
    train = genrun.api.train

    def train_little(overrides: Sequence[str] = (), **settings: Any) -> genrun.Run:
        return train(shrunk(overrides), **settings)

    genrun.api.train = train_little
    exec(compile(text, "block", "exec"), {"__name__": "__main__"})


def run_command(words: list[str], block: Block, folder: Path) -> None:
    program, *rest = words
    if program == "genrun":
        if block.mode == "composed only":
            assert is_training(rest), f"{block}: only training can be composed"
            rest = ["--cfg", "job", *rest]
        elif not {"--help", "--cfg"} & set(rest):
            rest = shrunk(rest, block.argument if block.mode == "run with" else "")
        code, output = forked(lambda: run_genrun(rest), folder)
    elif program == "python":
        code, output = forked(lambda: runpy.run_path(rest[0], run_name="__main__"), folder)
    else:
        assert program == "cmp", f"{block}: {program} is not run by tests: say so in a comment"
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        code, output = done.returncode, done.stdout + done.stderr
    assert code == 0, f"{block}: {shlex.join([program, *rest])} exits with {code}:\n{output}"


def make_photos(folder: Path) -> None:
    """A tree of images, as `data.root=photos` expects."""
    generator = np.random.default_rng(0)
    for number in range(48):
        path = folder / "photos" / f"kind-{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)


PREPARE = {"docs/guides/your-data.md": make_photos}
WITH_BLOCKS = [page for page in PAGES if any(b.language for b in blocks(page))]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A working directory for all pages, and the commands that were run in it."""
    return tmp_path_factory.mktemp("docs"), set()


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_every_command_of_a_page_runs(
    page: Path, shared: tuple[Path, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order. A command that another page has run already is not run again: its run is there."""
    folder, done = shared
    monkeypatch.setenv("GENRUN_CACHE", str(folder / "cache"))
    if name_of(page) in PREPARE:
        PREPARE[name_of(page)](folder)
    for block in blocks(page):
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text + "\n")
        elif block.mode == "not run" or not block.language:
            continue
        elif block.language == "python":
            code, output = forked(lambda text=block.text: run_python(text), folder)
            assert code == 0, f"{block}: {output}"
        else:
            assert block.language == "bash", f"{block}: in what language is it?"
            for words in commands(block):
                if shlex.join(words) not in done:
                    run_command(words, block, folder)
                    done.add(shlex.join(words))


def test_commands_are_made_small() -> None:
    words = shrunk(["-m", "seed=0,1,2", "epochs=3", "sweep.seeds=5", "steps=9"], "save_every=2")
    assert words[:4] == ["-m", "seed=0,1", "sweep.seeds=2", "steps=4"]
    assert {"save_every=2", "data.held_out=32"} <= set(words)
    assert shrunk(["show", "outputs/x"]) == ["show", "outputs/x"]
    assert shrunk(["resume", "outputs/x", "steps=900"]) == ["resume", "outputs/x", "steps=6"]


# Links, paths and names


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """scripts/reference.py, which generates pages from `conf/`."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(
        r"`[^`\n]+`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    )


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_links_resolve(page: Path, reference: ModuleType) -> None:
    generated = {DOCS / path for path in reference.pages()}
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = Path(os.path.normpath(page.parent / path)) if path else page
        assert found.exists() or found in generated, f"{name_of(page)}: {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found.read_text(encoding="utf-8")), f"{page}: {target}"


PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|yaml|json|toml|txt|md|html)|(?:[\w.-]+/)+)`")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|\*")
OF_RUNS = {  # what genrun writes
    "run.json", "config.yaml", "plan.json", "proof.json", "summary.json", "evaluation.json",
    "test.json", "verdict.json", "report.html",
    "output.txt",
}  # fmt: skip
ROOT_FILES = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
FOLDERS_OF_RUNS = {"tuning/", "final/", "outputs/", "site/", ".hydra/", ".submitit/", "average/"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    written = {Path(block.title) for block in blocks(page) if block.title}
    examples = {path.stem for path in written}  # the page says where else they could be put
    everywhere = {path.name for path in (ROOT / "src").rglob("*.py")}
    for name in PATH.findall(page.read_text(encoding="utf-8")):
        path = Path(name)
        if PLACEHOLDER.search(name) and path.name not in ROOT_FILES:
            continue
        if path.name in OF_RUNS or name in FOLDERS_OF_RUNS or path.stem in examples:
            continue
        if "/" not in name and name in everywhere:
            continue
        places = (ROOT / name, ROOT / "src" / "genrun" / name)
        assert any(place.exists() for place in places), f"{name_of(page)} names {name}"


CLASS = re.compile(r"`([A-Z][a-z]+(?:[A-Z]+[a-z]*)+)`")
OF_OTHERS = {"DistributedDataParallel", "SyncBatchNorm", "SystemExit"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_classes_that_a_page_names_exist(page: Path) -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = {*CLASS.findall(page.read_text(encoding="utf-8"))} - OF_OTHERS
    assert {name for name in named if not re.search(rf"\bclass {name}\b", text)} == set()


def test_methods_of_each_kind_are_those_of_its_protocol() -> None:
    """In the table of CONTRIBUTING.md."""
    protocols = ROOT / "src/genrun/core/protocols"
    kinds = re.findall(
        r"^\| ([a-z ]+) \| .+\| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.M
    )
    defined = set(
        re.findall(r"def (\w+)", "\n".join(p.read_text() for p in protocols.glob("*.py")))
    )
    for kind in ("model", "backbone", "updates", "metric", "stopping policy", "tracker"):
        methods = re.findall(r"`([a-z_]+)`", dict(kinds)[kind])
        assert methods, kind
        assert set(methods) <= defined, kind


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_readme_lists_choices_that_exist() -> None:
    """Each of them, and no others."""
    text = (ROOT / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| (.+) \|$", text, re.MULTILINE))
    assert set(rows) == {*GROUPS, "experiment"} - {"runtime"}
    for group, listed in rows.items():
        known = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
        assert set(re.findall(r"`(\w+)`", listed)) - {"optim"} == known, group


def keys_of(content: Any, prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")


def test_the_reference_has_every_choice_and_key(reference: ModuleType) -> None:
    assert not reference.missing_groups()
    pages = reference.pages()
    for group in GROUPS:
        text = pages[f"reference/config/{group}.md"]
        for name in choices(group):
            section = re.split(r"^## ", text.partition(f"## `{name}`")[2], flags=re.MULTILINE)[0]
            path = ROOT / "conf" / group / f"{name}.yaml"
            content = yaml.safe_load(path.read_text())
            for key in keys_of({k: v for k, v in content.items() if k != "_target_"}):
                assert f".{key}` |" in section, f"{group}={name} {key}"
            head = [line for line in path.read_text().splitlines() if not line.startswith("# @")]
            assert head[0].startswith("# "), f"{path} begins with a sentence on the choice"
    skeleton = pages["reference/config/index.md"]
    content = yaml.safe_load((ROOT / "conf/config.yaml").read_text())
    for key in keys_of({k: v for k, v in content.items() if k not in ("defaults", "hydra")}):
        assert f"| `{key}` |" in skeleton


def test_every_page_is_in_the_navigation(reference: ModuleType) -> None:
    nav = (ROOT / "mkdocs.yml").read_text()
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    for page in [*pages, *reference.pages(), *reference.project_pages()]:
        assert re.search(rf"^\s+- {re.escape(page)}$", nav, re.MULTILINE), page


UNUSED = {13}  # docs/decisions/index.md says why


def test_decisions_are_numbered_dated_and_listed() -> None:
    folder = DOCS / "decisions"
    index = (folder / "index.md").read_text()
    records = {int(path.name[:4]): path for path in folder.glob("[0-9]*.md")}
    assert set(records) | UNUSED == set(range(1, max(records) + 1))
    assert not set(records) & UNUSED
    for number, path in records.items():
        lines = path.read_text().splitlines()
        assert lines[0].startswith(f"# {number}. ")
        dated = re.fullmatch(r"Date: (\d{4}-\d\d-\d\d) · Status: (.+)", lines[2])
        assert dated, path.name
        assert f"| [{number}]({path.name}) | {lines[0].partition('. ')[2]} | {dated[1]} |" in index
    assert all(f"no decision {number}" in index for number in UNUSED)


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    assert f"[{project_version()}]" in sections
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def project_version() -> str:
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]
