"""The stages of a proof: tuning, the winners' runs and their tests; each can be resumed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from genrun.core.errors import SweepFailed, SweepPaused
from genrun.core.status import RunStatus
from genrun.proof.final_test import test_runs
from genrun.proof.verdict import write_verdict
from genrun.proof.winners import choose_winners, describe_bounds, final_plan
from genrun.results.proof_file import Proof
from genrun.results.record import read_job_records
from genrun.results.summary.summary import summarize_sweep
from genrun.runs import layout
from genrun.runs.files import make_folder
from genrun.sweeps.plan import read_plan
from genrun.sweeps.sweep import open_sweep
from genrun.terminal.tables import print_line
from genrun.training.interrupt import Interrupt

RESUME_HINT = re.compile(r"(; resume with)?: genrun resume .*")  # names the stage's folder


def run_stages(folder: Path, proof: Proof, launcher: Sequence[str], plugins: Sequence[str]) -> int:
    """Runs what is missing, up to the verdict; the caller holds the folder's lock.

    Raises `SweepPaused` if it was stopped, and `SweepFailed` after the verdict if jobs failed; one
    that diverged is a result.
    """
    words = [*launcher, *([f"plugins=[{','.join(plugins)}]"] if plugins else [])]
    if proof.winners is None:
        print_line("stage 1 of 3: tuning")
        _run_stage(folder, layout.TUNING, words)
        proof = _close_tuning(folder, proof)
    wrong: dict[str, str] = {}
    if any(proof.winners.values() if proof.winners else ()):
        print_line("stage 2 of 3: the winners on fresh seeds")
        _run_stage(folder, layout.FINAL, words)
        print_line("stage 3 of 3: their best weights on the test images")
        wrong = _test(folder, plugins)
    write_verdict(folder, proof)
    failed = [*_failures(folder), *(f"{name}: {text}" for name, text in wrong.items())]
    if failed:
        raise SweepFailed(f"{len(failed)} runs failed ({failed[0]}); {folder} has the others")
    return 0


def _run_stage(folder: Path, stage: str, words: Sequence[str]) -> None:
    """Runs a stage as a sweep; jobs that failed count as worst, and the proof continues."""
    try:
        with open_sweep(folder / stage, words) as sweep:
            try:
                sweep.run()
            except KeyboardInterrupt:
                print_line(f"interrupted; resume with: genrun resume {folder}")
                raise
            finally:
                outcome = summarize_sweep(sweep.folder, sweep.plan)
            outcome.check()
    except SweepFailed as error:
        print_line(f"{stage}: {str(error).partition(';')[0]}, which counts as worst")
    except SweepPaused as error:
        raise _paused(folder, stage, str(error)) from error


def _paused(folder: Path, stage: str, why: str) -> SweepPaused:
    rows = read_job_records(folder / stage, read_plan(folder / stage).jobs)
    left = sum(not row.status.ended for row in rows)
    why = RESUME_HINT.sub("", why)
    return SweepPaused(
        f"{stage}: {why}; {left} of {len(rows)} runs are left; resume with: genrun resume {folder}"
    )


def _close_tuning(folder: Path, proof: Proof) -> Proof:
    """Chooses the winners; writes the plan of their runs before proof.json names them."""
    winners = choose_winners(folder, proof)
    plan = final_plan(folder, proof, winners)
    final = folder / layout.FINAL
    make_folder(final)
    plan.write(final)
    proof = proof.with_winners(winners)
    proof.write(folder)
    for label, winner in winners.items():
        if winner is None:
            print_line(f"{label}: none of its trials came to a sound end; it has lost")
    for line in describe_bounds(proof):
        print_line(f"note: {line}")
    return proof


def _test(folder: Path, plugins: Sequence[str]) -> dict[str, str]:
    with Interrupt() as signals:
        try:
            return test_runs(folder, plugins, signals)
        except SweepPaused as error:
            raise SweepPaused(f"test: {error}; resume with: genrun resume {folder}") from error


def _failures(folder: Path) -> list[str]:
    """The jobs of both stages that failed with an error, and their reasons."""
    plans = [
        folder / stage for stage in (layout.TUNING, layout.FINAL) if (folder / stage).is_dir()
    ]
    rows = [row for sweep in plans for row in read_job_records(sweep, read_plan(sweep).jobs)]
    return [f"{row.name}: {row.reason}" for row in rows if row.status == RunStatus.FAILED]
