"""`genrun prove`, and resuming a proof."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.core.process_rank import check_single_process
from genrun.proof.cost import print_costs, sum_costs
from genrun.proof.options import LAUNCHER, ProveOptions, read_options
from genrun.proof.prepare import Prepared, prepare
from genrun.proof.stages import run_stages
from genrun.results.proof_file import ContestantRecord, Proof, read_proof
from genrun.runs import layout
from genrun.runs.disk_space import check_disk_space
from genrun.runs.files import claim_folder, make_folder
from genrun.runs.lock import lock_folder
from genrun.sweeps.launch import fork_server
from genrun.sweeps.plan import SweepPlan, read_plan
from genrun.sweeps.sweep import check_offline
from genrun.terminal.tables import print_line, print_table


def prove(words: Sequence[str]) -> int:
    """Prints the estimated cost, then runs all stages. Returns the exit code."""
    options = read_options(words)
    check_offline(options.shared)
    fork_server.warm_up()  # it imports torch while the trials are composed
    prepared = prepare(options)
    _print_spaces(options, prepared)
    print_costs(prepared.costs, prepared.at_once)
    for warning in prepared.warnings:
        print_line(f"note: {warning}")
    if options.dry:
        return 0
    total = sum_costs(prepared.costs)
    check_disk_space(prepared.folder, prepared.checkpoint, total.runs)
    folder = claim_folder(prepared.folder)
    print_line(f"proof: {os.path.relpath(folder)}")
    with lock_folder(folder):
        proof = _create(folder, list(words), options, prepared)
        return run_stages(folder, proof, options.launcher, prepared.plugins)


def resume_proof(folder: Path, words: Sequence[str]) -> int:
    """Runs what is missing; `words` may choose another launcher, or list plugins."""
    check_single_process("genrun resume of a proof")
    read_proof(folder)
    for word in words:
        if not word.startswith((*LAUNCHER, "plugins=")):
            raise ConfigError(
                f"{word}: a proof is resumed as it was planned; only hydra/launcher, "
                "hydra.launcher.KEY and plugins may be given"
            )
    plugins = [str(name) for name in compose(words).config["plugins"]]
    _check_plugins(folder, plugins)
    fork_server.warm_up()
    launcher = [word for word in words if word.startswith(LAUNCHER)]
    with lock_folder(folder):
        return run_stages(folder, read_proof(folder), launcher, plugins)


def _check_plugins(folder: Path, plugins: Sequence[str]) -> None:
    """Raises `ConfigError` if the plugins of a proof are not given again.

    Without them every run would fail. They are not imported from the proof's own list, as it may
    be untrusted.
    """
    listed = {
        name for job in read_plan(folder / layout.TUNING).jobs for name in job.config["plugins"]
    }
    missing = sorted(str(name) for name in listed - set(plugins))
    if missing:
        raise ConfigError(
            f"{folder}: was made with plugins=[{','.join(missing)}]; give them again"
        )


def _create(folder: Path, words: list[str], options: ProveOptions, prepared: Prepared) -> Proof:
    """Writes the tuning plan before proof.json: a folder with a proof.json can be resumed."""
    tuning = folder / layout.TUNING
    make_folder(tuning)
    SweepPlan(words, prepared.jobs).write(tuning)
    contestants = {
        entry.contestant.label: ContestantRecord(
            word=entry.contestant.word,
            space=entry.space,
            trials=entry.trials,
            tuning=prepared.names[entry.contestant.label],
        )
        for entry in prepared.entries
    }
    proof = Proof(
        words=words,
        over=options.over,
        budget=None if options.budget is None else str(options.budget),
        test=prepared.shared.test,
        monitor=prepared.monitor,
        tuning_seeds=prepared.tuning_seeds,
        seeds=prepared.seeds,
        contestants=contestants,
        cost=sum_costs(prepared.costs),
        warnings=prepared.warnings,
    )
    proof.write(folder)
    return proof


def _print_spaces(options: ProveOptions, prepared: Prepared) -> None:
    rows: list[tuple[str, str | None, str]] = []
    for entry in prepared.entries:
        label = entry.contestant.label
        rows += [(label, key, text) for key, text in entry.space.items()] or [
            (label, None, "one configuration, as it is")
        ]
    print_table(("contestant", "key", "space"), rows, title="what is tuned")
    each = "" if options.tuning_seeds == 1 else f" of {options.tuning_seeds} seeds each"
    print_line(
        f"{options.trials} trials{each} a contestant, drawn at random; its best on held-out "
        f"images again with seeds {prepared.seeds[0]} to {prepared.seeds[-1]}, then on "
        f"{prepared.shared.test} test images, by {prepared.monitor}"
    )
