"""The variables of torchrun, and the errors if they are wrong."""

from __future__ import annotations

import pytest

from genrun.core import process_rank as places
from genrun.core.errors import ConfigError, GenrunError, ProcessLost
from genrun.core.process_rank import (
    ProcessRank,
    check_single_process,
    exit_code_for,
    wait_for_rank_zero,
)

SECOND = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "localhost", "MASTER_PORT": "1",
}  # fmt: skip


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in SECOND.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECOND:
        monkeypatch.delenv(name, raising=False)
    assert ProcessRank.from_environment() == ProcessRank(
        rank=0, world_size=1, local_rank=0, local_world_size=1
    )


def test_torchruns_variables_are_read(second: pytest.MonkeyPatch) -> None:
    assert ProcessRank.from_environment() == ProcessRank(
        rank=5, world_size=8, local_rank=1, local_world_size=4
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RANK", "x"), ("RANK", "-1"), ("RANK", "8"), ("RANK", ""), ("WORLD_SIZE", "0"),
        ("LOCAL_RANK", "4"), ("LOCAL_WORLD_SIZE", "9"), ("MASTER_ADDR", None),
    ],
)  # fmt: skip
def test_wrong_variables_are_named(
    name: str, value: str | None, second: pytest.MonkeyPatch
) -> None:
    second.delenv(name) if value is None else second.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}.*torchrun"):
        ProcessRank.from_environment()


def test_commands_of_a_single_process_raise(second: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="a sweep: runs in a single process"):
        check_single_process("a sweep")
    second.setenv("WORLD_SIZE", "1")
    second.setenv("RANK", "0")
    second.setenv("LOCAL_RANK", "0")
    second.setenv("LOCAL_WORLD_SIZE", "1")
    check_single_process("a sweep")


def test_rank_0_ends_first_unless_it_lost_the_others(second: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    second.setattr(places.time, "sleep", waited.append)
    second.setattr(places.signal, "signal", lambda number, handler: None)
    assert wait_for_rank_zero(GenrunError("x")) == "process 5: "
    assert exit_code_for("diverged") == 4
    assert exit_code_for("finished") == 0
    assert len(waited) == 2
    second.setenv("RANK", "0")
    assert wait_for_rank_zero(GenrunError("x")) == ""
    assert exit_code_for("interrupted") == 75
    assert len(waited) == 2
    assert wait_for_rank_zero(ProcessLost("x")) == ""
    assert len(waited) == 3
    second.setenv("RANK", "x")
    assert wait_for_rank_zero(GenrunError("x")) == ""
