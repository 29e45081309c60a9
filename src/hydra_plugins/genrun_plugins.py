"""The classes by which Hydra knows genrun's launcher and its sweeper.

Hydra accepts launchers and sweepers from this namespace only. `genrun.sweeps` reads their settings
(conf/hydra/launcher/processes.yaml, conf/hydra/sweeper/random.yaml and others) and runs the sweep,
so neither class is ever instantiated. Hydra imports this module at every start, so it imports
nothing of genrun.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

USE = "works only with the command genrun: genrun -m …"


class ProcessLauncher(Launcher):
    """Runs jobs as processes of this machine."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        raise RuntimeError(f"hydra/launcher=processes: {USE}")

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        raise RuntimeError(f"hydra/launcher=processes: {USE}")


class SearchSweeper(Sweeper):
    """A search: random, quasi-random, tree-structured Parzen estimator or grid."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        raise RuntimeError(f"hydra/sweeper: {USE}")

    def sweep(self, arguments: list[str]) -> Any:
        raise RuntimeError(f"hydra/sweeper: {USE}")
