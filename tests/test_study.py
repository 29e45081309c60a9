"""The study's journal: several writers, incomplete lines, invalid files."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genrun.core.errors import CheckpointUnusable, InputMissing

optuna = pytest.importorskip("optuna")

from genrun.runs.optuna_journal import create_study, open_study  # noqa: E402  # needs Optuna

DRAWN = {"x": optuna.distributions.FloatDistribution(0, 1)}
WRITER = """
import sys
from pathlib import Path
from genrun.runs.optuna_journal import open_study
opened = open_study(Path(sys.argv[1]))
for step in range(50):
    opened.storage.set_trial_intermediate_value(opened.get_trial_id(int(sys.argv[2])), step, 0.5)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    create_study(tmp_path / "search.jsonl")
    return tmp_path / "search.jsonl"


def test_processes_that_write_at_once_lose_nothing(journal: Path) -> None:
    opened = open_study(journal)
    for _ in range(3):
        opened.study.ask(DRAWN)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(journal), str(number)])
        for number in range(3)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert [len(trial.intermediate_values) for trial in opened.trials()] == [50, 50, 50]


def test_a_writer_locks_the_journal(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def write(handle: int, content: bytes) -> None:
        with journal.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        seen.append(content)
        os.write(handle, content)

    monkeypatch.setattr("genrun.runs.optuna_journal.disk.write", write)
    open_study(journal).study.ask(DRAWN)
    assert len(seen) == 2, "the trial and its value"
    with journal.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "torn', b"x" * 200_000])
def test_an_incomplete_line_of_a_killed_process_is_cut_off(journal: Path, torn: bytes) -> None:
    open_study(journal).study.ask(DRAWN)
    whole = journal.read_bytes()
    journal.write_bytes(whole + torn)
    opened = open_study(journal)
    assert len(opened.trials()) == 1
    assert journal.read_bytes() == whole + torn, "reading changes nothing"
    opened.study.ask(DRAWN)
    assert journal.read_bytes().startswith(whole)
    assert torn not in journal.read_bytes()
    assert len(open_study(journal).trials()) == 2


def test_an_existing_study_is_kept(journal: Path) -> None:
    open_study(journal).study.ask(DRAWN)
    before = journal.read_bytes()
    create_study(journal)
    assert journal.read_bytes() == before


def test_an_incomplete_first_line_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "search.jsonl").write_text('{"op_code": 0, "wor')
    create_study(tmp_path / "search.jsonl")
    assert open_study(tmp_path / "search.jsonl").trials() == []


@pytest.mark.parametrize(
    "content",
    [
        b"alias ls='rm -r'\n", b"{}\n", b"[1]\n", b'{"op_code": 4}\n', b"\xff\xfe\n",
        b'{"op_code": 0, "worker_id": "a", "study_name": "other", "directions": [1]}\n',
        b'{"op_code": 0, "worker_id": "a", "study_name": "genrun", "directions": [9]}\n',
        b'{"op_code": 0, "worker_id": "a", "study_name": "genrun"}\n',
        b"[" * 100_000 + b"\n",
    ],
)  # fmt: skip
def test_an_invalid_journal_is_refused_and_never_written(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CheckpointUnusable, match="file"):
        open_study(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "line",
    [
        b"torn in the middle\n", b'{"op_code": 99, "worker_id": "a"}\n',
        b'{"op_code": 5, "worker_id": "a", "trial_id": 0, "param_name": "x"}\n',
        b'{"op_code": 4, "worker_id": "a", "study_id": 0, "datetime_start": "noon"}\n',
    ],
)  # fmt: skip
def test_a_damaged_journal_is_reported(line: bytes, journal: Path) -> None:
    open_study(journal).study.ask(DRAWN)
    journal.write_bytes(journal.read_bytes() + line)
    with pytest.raises(CheckpointUnusable, match="cannot be read"):
        open_study(journal)


def test_a_missing_journal(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="no journal"):
        open_study(tmp_path / "search.jsonl")
    with pytest.raises(InputMissing, match="no journal"):
        open_study(tmp_path)


def test_a_missing_trial(journal: Path) -> None:
    with pytest.raises(CheckpointUnusable, match="no trial 3"):
        open_study(journal).get_trial_id(3)
