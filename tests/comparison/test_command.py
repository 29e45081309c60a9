"""`genrun compare` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genrun.cli import run
from tests.conftest import SMALL
from tests.results.made_up import make_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, add in (("adam", 0), ("sgd", 3)):
        for seed in range(3):
            make_run(
                tmp_path / "runs" / f"{name}-{seed}", [50, 5 + add + seed + add * seed / 10], seed,
                choices={"optimizer": name},
            )  # fmt: skip
    return tmp_path / "runs"


def test_sentences_come_first_then_tables_then_warnings(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "sgd-0" / "run.json").write_text("{")
    assert run(["compare", str(runs), "baseline=adam"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("undecided between adam and sgd") or "beats" in lines[0]
    places = [
        next(place for place, line in enumerate(lines) if line.startswith(text))
        for text in ("contestant  mean", "pair", "contestant  reached", "warning: different",
                     "warning: damaged, so not counted", "note: 95 %")
    ]  # fmt: skip
    assert places == sorted(places)


def test_out_is_json_that_any_reader_takes(runs: Path, tmp_path: Path) -> None:
    make_run(runs / "bad", [50], 3, status="diverged", choices={"optimizer": "sgd"})
    out = tmp_path / "verdict.json"
    assert run(["compare", str(runs), "target=1", f"out={out}"]) == 0

    def refuse(text: str) -> float:
        raise AssertionError(text)

    content = json.loads(out.read_text(), parse_constant=refuse)
    standing = next(one for one in content["workloads"][0]["standings"] if one["name"] == "sgd")
    assert standing["at_end"]["values"]["3"] is None
    assert standing["at_end"]["failed"] == 1
    assert standing["times"]["steps"]["median"] is None
    assert standing["times"]["steps"]["missed"] is True
    assert content["sentences"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["RUNS", "bye=optimizer"], 2, "did you mean by?"),
        (["RUNS", "by=model"], 2, "by=model: the runs do not differ in it; they do in optimizer"),
        (["RUNS", "metric=fid"], 2, "metric=fid: no run measured it; measured are negative_elbo"),
        (["RUNS", "budget=abc"], 2, "must be one of steps, seconds, examples, flops"),
        (["RUNS", "split=train"], 2, "must be one of held_out, test"),
        (["RUNS", "target=nan"], 2, "target=nan: must be a finite number"),
        (["RUNS", "at=0"], 2, "at=0: must be a finite number above 0"),
        (["RUNS", "difference=-1"], 2, "difference=-1: must be a finite number above 0"),
        (["RUNS", "resamples=10"], 2, "resamples=10: must be an integer of at least 1000"),
        (["RUNS", "target=1", "baseline=adam"], 2, "leave one of them out"),
        (["RUNS", "baseline=adm"], 2, "did you mean adam?"),
        (["RUNS", "out=verdict.txt"], 2, "must end in .json"),
        (["RUNS", "out=no/verdict.json"], 73, "there is no folder no"),
        (["RUNS", "by=optimizer", "by=model"], 2, "is given twice"),
        ([], 2, "takes folders of runs"),
        (["nowhere"], 66, "there is no such folder"),
        (["n" * 300], 2, "the file name is too long"),
        (["RUNS", f"by={'n' * 300}"], 2, "the runs do not differ in it"),
        (["RUNS", f"out={'n' * 300}.json"], 2, "the file name is too long"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, text: str
) -> None:
    assert run(["compare", *(str(runs) if word == "RUNS" else word for word in words)]) == code
    printed = capsys.readouterr()
    assert text in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""


def test_out_replaces_a_verdict_and_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plan, link = (runs / name for name in ("verdict.json", "plan.json", "link.json"))
    plan.write_text('{"format": 1, "words": [], "jobs": []}')
    link.symlink_to("verdict.json")
    before = plan.read_bytes()
    for path in (plan, runs / "adam-0" / "run.json", link):
        assert run(["compare", str(runs / "adam-0"), f"out={path}"]) == 73
        assert "exists and is no verdict" in capsys.readouterr().err
    assert plan.read_bytes() == before
    assert not out.exists()
    for _ in range(2):
        assert run(["compare", str(runs / "adam-0"), f"out={out}"]) == 0


def test_where_all_are_damaged(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in runs.iterdir():
        (folder / "run.json").write_text("{")
    assert run(["compare", str(runs)]) == 76
    assert "6 are damaged in all" in capsys.readouterr().err


def test_text_of_strangers_does_not_steer_the_terminal(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(
        runs / "bad", [50], choices={"optimizer": "\x1b[2Jx"}, status="failed", reason="[b]\x07"
    )
    assert run(["compare", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "failed: [b]" in out


@pytest.mark.slow
def test_real_runs_by_the_real_command(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "genrun", *words],
            cwd=tmp_path, env=environment, text=True, capture_output=True,
        )  # fmt: skip

    swept = command(
        "-m", *SMALL, "model=vae", "backbone.hidden=[16]", "optimizer=adam,sgd", "seed=0,1",
        "hydra.sweep.dir=swept", "hydra.launcher.jobs=1",
    )  # fmt: skip
    assert swept.returncode == 0, swept.stderr
    found = command("compare", "swept", "baseline=sgd", "budget=flops", "out=verdict.json")
    assert found.returncode == 0, found.stderr
    content = json.loads((tmp_path / "verdict.json").read_text())
    (workload,) = content["workloads"]
    assert [one["name"] for one in workload["standings"]] in (["adam", "sgd"], ["sgd", "adam"])
    for standing in workload["standings"]:
        info = json.loads((tmp_path / "swept" / standing["runs"][0] / "run.json").read_text())
        assert standing["at_end"]["values"]["0"] == info["best"]["value"]
        assert standing["spent"]["flops"] == info["compute"]["flops"]
        assert standing["times"]["seconds"]["runs"] == 2
