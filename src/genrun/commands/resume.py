"""`genrun resume`: resumes a run, a sweep or a proof."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrun.commands.arguments import parse_run_and_settings
from genrun.core.errors import ConfigError
from genrun.core.process_rank import ProcessRank, exit_code_for
from genrun.core.status import RunStatus
from genrun.runs import layout
from genrun.runs.folder import RunFolder
from genrun.runs.lock import check_not_locked

USAGE = (
    "genrun resume RUN [steps=N] [stopping.NAME.KEY=VALUE] [plugins=[MODULE]]\n"
    "genrun resume SWEEP [hydra/launcher=NAME] [hydra.launcher.KEY=VALUE] [plugins=[MODULE]]\n"
    "genrun resume PROOF [hydra/launcher=NAME] [hydra.launcher.KEY=VALUE] [plugins=[MODULE]]\n"
    "  Resumes from the newest intact checkpoint. A run that ended is left unchanged, unless it\n"
    "  gets more steps or another stopping budget."
)


def run(words: Sequence[str]) -> int:
    """Resumes; a run that ended is left unchanged unless it gets more steps or another budget."""
    if words and (Path(words[0]) / layout.PLAN).is_file():
        from genrun.commands.train import run_and_summarize
        from genrun.sweeps.sweep import open_sweep

        with open_sweep(Path(words[0]), words[1:]) as sweep:
            return run_and_summarize(sweep)
    if words and (Path(words[0]) / layout.PROOF).is_file():
        from genrun.proof.prove import resume_proof

        return resume_proof(Path(words[0]), words[1:])
    folder, settings = parse_run_and_settings(USAGE, words)
    run_folder, is_rank_zero = RunFolder.open(folder), ProcessRank.from_environment().rank == 0
    if is_rank_zero:  # the process that writes
        check_not_locked(run_folder.path)  # before seconds are spent on preparing
    info = run_folder.read()
    from genrun.config.saved import check_changes, goes_further, override, read_config

    saved = read_config(run_folder.config_path)
    config = override(saved, settings)
    check_changes(saved, config)
    if RunStatus(info["status"]).ended and not goes_further(saved, config):
        from genrun.terminal.tables import print_line

        if is_rank_zero:
            print_line(f"{run_folder.path}: {info['status']}: {info['reason']}; nothing to resume")
        return 0
    from genrun.experiment.experiment import Experiment
    from genrun.terminal.display import create_display

    prepared = Experiment.prepare(config, info["choices"], info["overrides"])
    steps, steps_done = prepared.built.plan.steps, info.get("step", 0)
    if steps < steps_done:
        raise ConfigError(f"steps={steps}: this run has already done {steps_done}")
    outcome = prepared.resume(run_folder, create_display(is_rank_zero), expected=info)
    return exit_code_for(outcome.status)
