"""The last stage of a proof: the winners' runs are tested on the test images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable, SweepPaused
from genrun.results.record import RunRecord, read_job_records
from genrun.runs import layout
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.resources import JobResources, available_cores
from genrun.sweeps.plan import read_plan

LARGEST = 1 << 20
WAIT_SECONDS = 0.25
FORM = {
    "step": int,
    "seed": int,
    "images": int,
    "monitor": str,
    "values": MapOf(Nullable(float | int)),
    "data": {"name": str, "digest": str},
}


def read_test(run: RunRecord) -> dict[str, Any] | None:
    """Returns the content of `test.json` if it is of the run's best weights, else None.

    Raises `CheckpointUnusable` if it is damaged.
    """
    path = run.folder / layout.TEST
    if not path.is_file():
        return None
    try:
        content = read_json(path, LARGEST)
        check_schema(content, FORM)
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    return dict(content) if content["step"] == run.best_step else None


def untested_runs(folder: Path) -> list[RunRecord]:
    """Returns the winners' runs that have a value and were not tested."""
    runs = read_job_records(folder / layout.FINAL, read_plan(folder / layout.FINAL).jobs)
    return [run for run in runs if run.value is not None and read_test(run) is None]


def test_runs(
    folder: Path, plugins: Sequence[str], interrupted: Callable[[], bool]
) -> dict[str, str]:
    """Tests the untested runs in a forked process; returns errors by job name.

    Raises `SweepPaused` after a signal; results that are written stay.
    """
    runs = untested_runs(folder)
    if not runs:
        return {}
    share = JobResources(available_cores(), None)
    folders = [str(run.folder) for run in runs]
    target = "genrun.proof.final_test_worker:test_all"
    process, connection = fork_server.start_process(target, folders, list(plugins), share)
    wrong: dict[str, str] = {}
    try:
        for run in runs:
            if text := _answer(connection, interrupted):
                wrong[run.name] = text
    except EOFError:
        process.join()
        raise SweepPaused(f"the tests' process ended with {process.exitcode}") from None
    finally:
        if process.is_alive() and interrupted():
            process.kill()
        process.join()
    return wrong


def _answer(connection: Connection, interrupted: Callable[[], bool]) -> str:
    while not connection.poll(WAIT_SECONDS):
        if interrupted():
            raise SweepPaused("stopped by a signal")
    return str(connection.recv())
