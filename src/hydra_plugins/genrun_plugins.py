"""Where Hydra looks for launchers and sweepers; what they do is in `genrun.sweeps`.

Hydra imports this at every start, so it imports nothing of genrun until it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ProcessLauncher(Launcher):
    """Jobs as processes of this machine; conf/hydra/launcher/processes.yaml has its settings."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.config: DictConfig | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from genrun.sweeps.launch.launch import launch_processes

        assert self.config is not None
        launch_processes(self.config, self.settings, job_overrides)
        return []

    def launch_source(self, source: Any, jobs: int) -> None:
        """As `launch`, for at most so many jobs, each asked of `source` when it has a place."""
        from genrun.sweeps.launch.launch import run_pool

        assert self.config is not None
        first = source.peek()
        if first is not None:
            run_pool(self.config, self.settings, source, [first], jobs)


class PlannedSweeper(Sweeper):
    """Hands what a sweep's plan says and its folders have not to the launcher."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.launcher: Launcher | None = None
        self.config: DictConfig | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        from genrun.sweeps.launch.launch import launch_missing

        assert self.config is not None
        assert self.launcher is not None
        launch_missing(self.config, self.launcher)


class SearchSweeper(PlannedSweeper):
    """Names a search and its settings (conf/hydra/sweeper/tpe.yaml and others).

    genrun checks them into a plan, and `PlannedSweeper` runs what that says.
    """
