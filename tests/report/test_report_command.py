"""`genrun report` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrun.cli import run
from tests.report.made_up import write_run, write_sweep
from tests.report.page_reader import Page

QUICK = ["by=optimizer", "resamples=1000"]


def test_a_sweeps_page_lies_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sweep(tmp_path / "sweep", pictures=False)
    assert run(["report", "sweep", *QUICK]) == 0
    assert capsys.readouterr().out.endswith(" kB, 36 runs\n")
    assert "rmsprop" in Page((tmp_path / "sweep" / "report.html").read_text()).text
    write_run(tmp_path / "runs" / "a", "adam")
    assert run(["report", "runs", "resamples=1000"]) == 0
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere"], 66, "nowhere: there is no such folder"),
        (["empty"], 66, "empty: no run is there"),
        ([], 2, "report takes folders of runs"),
        (["runs", "out=page.pdf"], 2, "out=page.pdf: must end in .html"),
        (["runs", "out=no/page.html"], 73, "no/page.html: there is no folder no"),
        (["runs", "out=dir.html"], 73, "dir.html: is a folder"),
        (["runs", "out=runs/mine.html"], 73, "exists and is no page of genrun report"),
        (["runs", "by=nothing"], 2, "by=nothing"),
        (["runs", "metrics=x"], 2, "did you mean metric?"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "mine.html").write_text("<p>my own page")
    for name in ("empty", "dir.html"):
        (tmp_path / name).mkdir()
    assert run(["report", *words]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dir.html", "empty", "runs"]
