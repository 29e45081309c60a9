"""The interfaces of Hydra that it calls private; nothing else of genrun imports `hydra._internal`.

Needed are: the parser of Hydra's own flags, so that `genrun` accepts the same; the basic sweeper,
which splits `a,b` and `range(…)` into lines; the repository of configuration files, of which
genrun's own checks each file before it is parsed; the class of the basic launcher, since it
trains in this process; and `Callbacks` with `Hydra.compose_config`, to instantiate a launcher as
Hydra's own multirun does. Written for Hydra 1.3.8 and tried with 1.4.0rc3. If an upgrade moves
one of them, tests/config/test_hydra_internals.py names it: mend it here, for all that use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode

__all__ = [
    "CORE_PLUGINS",
    "BasicLauncher",
    "BasicSweeper",
    "ConfigRepository",
    "get_args_parser",
    "instantiate_launcher",
]

CORE_PLUGINS = "hydra._internal.core_plugins"  # the package of the basic launcher and sweeper


def instantiate_launcher(overrides: Sequence[str], task: Any) -> Launcher:
    """Returns the launcher that the overrides choose, set up to call `task` for each job.

    To be called inside `config.compose.hydra_ready`.
    """
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    config = hydra.compose_config(
        config_name="config",
        overrides=list(overrides),
        run_mode=RunMode.MULTIRUN,
        with_log_configuration=False,
    )
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )
