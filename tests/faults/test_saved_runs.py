"""Run folders that a stranger, a slip or a crash changed: refused in one line, and left alone."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch

import genrun
from genrun.cli import run
from genrun.runs.checkpoint import list_checkpoints, read_checkpoint, write_checkpoint
from genrun.runs.folder import LARGEST_RUN_JSON, LONGEST_ROW, RUN_SCHEMA
from genrun.runs.untrusted_json import MapOf
from tests.conftest import SMALL, last_wins

VERBS = (["resume", "run", "steps=4"], ["sample", "run", "count=1"], ["show", "run"])
WORDS = [*SMALL, "model=autoencoder", "steps=2", "hydra.run.dir=run"]
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return genrun.train(last_wins(WORDS), quiet=True).path


@pytest.fixture
def copied(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Gives the words to the command, which must refuse them and change no file."""

    def contents() -> dict[Path, bytes]:
        files = [path for path in copied.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path: path.read_bytes() for path in files}

    def give(words: list[str], *codes: int) -> str:
        before = contents()
        code = run(words)
        said = capsys.readouterr().err
        assert code in codes, said
        assert said.count("\n") == 1, said
        assert contents() == before
        return said

    return give


def wrong_forms() -> Iterator[tuple[str, Any]]:
    """Every key of run.json, at every depth, missing and with values of other types."""

    def walk(form: Any, path: str) -> Iterator[str]:
        if isinstance(form, dict):
            for name, inner in form.items():
                yield f"{path}{name}"
                yield from walk(inner, f"{path}{name}.")
        elif isinstance(form, MapOf):
            yield f"{path}*"

    for key in walk(RUN_SCHEMA, ""):
        for value in (..., None, 5.5, True, [[]], {"a": {}}):
            yield key, value


@pytest.mark.parametrize(("key", "value"), list(wrong_forms()))
def test_run_json_of_another_form(
    key: str, value: Any, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = json.loads((copied / "run.json").read_text())
    *parents, name = key.split(".")
    node = info
    for parent in parents:
        node = node[parent]
    name = next(iter(node)) if name == "*" else name
    if value is ...:
        if key.endswith("*"):
            pytest.skip("a mapping with free keys")
        del node[name]
    else:
        node[name] = value
    (copied / "run.json").write_text(json.dumps(info))
    for words in VERBS:
        code = run(words)
        said = capsys.readouterr().err
        assert code == 76, (words, said)
        assert said.count("\n") == 1
        assert "run.json" in said
    assert run(["list", str(copied.parent)]) == 0
    assert "cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 10**5, '{"a":' * 10**5, '{"status": 1, "status": 2}', "\xff", "1e999",
     " " * (LARGEST_RUN_JSON + 1), "9" * 5000],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_run_json_that_is_none(text: str, copied: Path, refused: Refused) -> None:
    (copied / "run.json").write_text(text)
    for words in VERBS:
        assert "run.json" in refused(words, 76)


@pytest.mark.parametrize(
    "line",
    ["{", "5", "[]", "[" * 10**5, "{}", '{"step": null}', '{"step": 1, "loss": "x"}',
     '{"step": 1, "loss": {}}', '{"health": []}', '{"health": "x"}', "\xff", "x" * LONGEST_ROW],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_logs_with_rows_of_another_form(line: str, copied: Path, refused: Refused) -> None:
    for name in ("metrics.jsonl", "timings.jsonl"):
        kept = (copied / name).read_bytes()
        (copied / name).write_text(f"{line}\n" + kept.decode())
        assert f"{name}: line 1 cannot be read" in refused(["show", "run"], 76)
        (copied / name).write_bytes(kept)


def test_sizes_of_a_stranger_take_no_memory(copied: Path, refused: Refused) -> None:
    path = copied / "config.yaml"
    plain = path.read_text()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, the most so far
    for width in (40_000, 10**8, 10**15, 2**62):
        text = re.sub(r"hidden:\n( *- \d+\n)+", f"hidden: [{width}, {width}]\n", plain)
        path.write_text(text)
        assert text != plain
        said = refused(["sample", "run", "count=1"], 71, 76)
        assert "does not fit" in said or "larger than any memory" in said
        if width > 40_000:
            said = refused(["resume", "run", "steps=4"], 71)
            assert "GB" in said or "memory" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000


def test_a_model_that_does_not_fit_into_memory_is_said_before_a_folder_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(last_wins([*SMALL, "backbone.hidden=[10000000,1000000]"])) == 71
    assert "GB of memory are free" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_data_that_changed_since_the_run_began(
    copied: Path, refused: Refused, tmp_path: Path
) -> None:
    root = next(Path(word.split("=")[1]) for word in SMALL if word.startswith("data.root="))
    content = bytearray((root / "train-images-idx3-ubyte").read_bytes())
    content[500] ^= 1
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "train-images-idx3-ubyte").write_bytes(content)
    path = copied / "config.yaml"
    path.write_text(path.read_text().replace(str(root), str(changed)))
    assert "the data changed" in refused(["resume", "run", "steps=4"], 76)


@pytest.mark.parametrize("verb", VERBS[:2], ids=lambda words: words[0])
def test_checkpoints_of_another_model(
    verb: list[str], copied: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["model=vae", "model.importance_samples=1", "hydra.run.dir=other"]
    other = genrun.train(last_wins([*WORDS, *words]), quiet=True).path
    shutil.rmtree(copied / "checkpoints")
    shutil.copytree(other / "checkpoints", copied / "checkpoints")
    for name in ("metrics.jsonl", "timings.jsonl"):
        shutil.copyfile(other / name, copied / name)
    assert "does not fit" in refused(verb, 76)


def test_checkpoints_of_a_newer_format(copied: Path, refused: Refused) -> None:
    for path in list_checkpoints(copied / "checkpoints"):
        checkpoint = read_checkpoint(path)
        tensors = checkpoint.tensors()
        path.unlink()
        write_checkpoint(path.parent, tensors, {**checkpoint.record, "format": 99})
    assert "has format 99" in refused(["sample", "run", "count=1"], 76)
    assert "has format 99" in refused(["resume", "run", "steps=4"], 76)


def test_files_of_others_among_the_checkpoints(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only names with the content's hash are looked at, and none is opened by pickle."""
    folder = copied / "checkpoints"
    (folder / "last.pt").write_bytes(b"PK\x03\x04")
    safetensors.torch.save_file({}, folder / "model.safetensors")
    (folder / f"ckpt-{9:010d}-{'0' * 32}.safetensors").write_bytes(struct.pack("<Q", 1 << 60))
    assert run(["sample", "run", "count=1", "out=run/a.npz"]) == 0
    assert np.load(copied / "a.npz")["images"].shape[0] == 1
    assert run(["resume", "run", "steps=4"]) == 0
    assert "was set aside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["resume", "run", "hydra.run.dir=new"], 2, "hydra.run.dir"),
        (["resume", "run", "new"], 2, "the folder of one run"),
        (["resume", "run", "optimizer.lr=0.5", "steps=4"], 76, "optimizer.lr was"),
        (["resume", "run", "seed=3", "steps=4"], 76, "seed was 0, requested 3"),
        (["resume", "run", "steps=1"], 2, "already done 2"),
        (["resume", "run", "model=gan"], 2, "model"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_what_resume_cannot_change(
    words: list[str], code: int, says: str, refused: Refused
) -> None:
    assert says in refused(words, code)


@pytest.mark.parametrize(
    "name", [".lock", "timings.jsonl", "metrics.jsonl", "samples", "run.json"]
)
@pytest.mark.parametrize("pipe", [False, True])
def test_links_and_pipes_lead_nowhere(
    name: str, pipe: bool, copied: Path, refused: Refused, tmp_path: Path
) -> None:
    path, victim = copied / name, tmp_path / "victim"
    (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    if pipe:
        os.mkfifo(path)
    elif name == "samples":
        victim.mkdir()
        (victim / ".keep.tmp").touch()
        path.symlink_to(victim)
    else:
        victim.write_text("precious")
        path.symlink_to(victim)
    for words in VERBS:
        code = run(words)
        assert code in (66, 76), words
    if not pipe:
        assert (victim / ".keep.tmp").exists() if name == "samples" else victim.read_text()


def test_a_run_whose_checkpoints_are_gone_does_not_start_anew(
    copied: Path, refused: Refused
) -> None:
    shutil.rmtree(copied / "checkpoints")
    assert "none of its checkpoints is sound" in refused(["resume", "run", "steps=4"], 76)
    (copied / "checkpoints").mkdir()
    assert "none of its checkpoints is sound" in refused(["resume", "run", "steps=4"], 76)


def test_sound_checkpoints_are_not_set_aside_for_a_damaged_log(
    copied: Path, refused: Refused
) -> None:
    log = (copied / "metrics.jsonl").read_bytes()
    (copied / "metrics.jsonl").write_bytes(b"x" + log[1:])
    refused(["resume", "run", "steps=4"], 76)
    (copied / "metrics.jsonl").write_bytes(log)
    assert run(["resume", "run", "steps=4"]) == 0


def test_an_early_stop_survives_a_kill_before_run_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["stopping=target", "stopping.target.value=1e9", "steps=9", "evaluate_every=3"]
    stopped = genrun.train(last_wins([*WORDS, *words, "hydra.run.dir=early"]), quiet=True)
    assert stopped.status == "stopped_early"
    info = json.loads((stopped.path / "run.json").read_text())
    ended = {k: info.pop(k) for k in ("ended", "step", "best", "compute")}
    (stopped.path / "run.json").write_text(json.dumps({**info, "status": "running", "reason": ""}))
    log = (stopped.path / "metrics.jsonl").read_bytes()
    assert run(["resume", "early"]) == 0
    again = json.loads((stopped.path / "run.json").read_text())
    assert (again["status"], again["reason"]) == ("stopped_early", info["reason"])
    assert (again["step"], again["best"]) == (ended["step"], ended["best"])
    assert (stopped.path / "metrics.jsonl").read_bytes() == log


def test_a_policy_that_a_resume_brings_begins_anew(copied: Path) -> None:
    target = "genrun.components.stopping.early.Early"
    early = f"{{_target_: {target}, patience: 3, min_delta: 0.0, monitor: null}}"
    assert run(["resume", "run", "steps=4", f"stopping={{early: {early}}}"]) == 0
    assert json.loads((copied / "run.json").read_text())["step"] == 4


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("steps=0020", "0020"),
        ("steps=1:30", "steps"),
        ("steps=4,5", "one value"),
        ("stopping.x=1", "no such key"),
        ("runtime=cpu", "runtime=cpu: must be settings"),
        ("runtime.device=${oc.env:HOME}", "interpolation"),
    ],
)
def test_resume_reads_words_as_the_command_line_does(
    word: str, says: str, refused: Refused
) -> None:
    assert says in refused(["resume", "run", word], 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: mnist", "name: ../evil"),
        ("file: train-images-idx3-ubyte.gz", "file: .bashrc/../../x"),
        ("url: https", "url: file"),
        ("url: https://", "url: https://evil.example/"),
    ],
)
def test_a_saved_run_fetches_nothing_and_names_no_path(
    old: str, new: str, copied: Path, refused: Refused
) -> None:
    path = copied / "config.yaml"
    text = re.sub(r"root: .*", "root: null", path.read_text())
    assert old in text
    path.write_text(text.replace(old, new))
    refused(["resume", "run", "steps=4"], 2, 76)


@pytest.mark.parametrize(
    "change",
    [{"health": {}}, {"best": ["x", {}]}, {"window": {"names": [], "sums": ["x"], "count": 0}},
     {"stoppers": []}, {"schedules": {}}, {"optimizers": {"autoencoder": {}}}, {"ended": 3}],
    ids=str,
)  # fmt: skip
def test_records_of_another_form(change: dict[str, Any], copied: Path, refused: Refused) -> None:
    for path in list_checkpoints(copied / "checkpoints"):
        checkpoint = read_checkpoint(path)
        tensors = checkpoint.tensors()
        path.unlink()
        write_checkpoint(path.parent, tensors, {**checkpoint.record, **change})
    refused(["resume", "run", "steps=4"], 76)


def test_more_images_than_memory_holds(refused: Refused) -> None:
    assert "draw fewer" in refused(["sample", "run", f"count={10**12}", "out=run/a.npz"], 71)
