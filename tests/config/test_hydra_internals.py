"""The private interfaces of Hydra that `config/hydra_internals.py` needs are still there."""

from __future__ import annotations

import importlib
import inspect

import hydra
import pytest

NEEDED = {
    "hydra._internal.callbacks": ["Callbacks"],
    "hydra._internal.config_repository": ["ConfigRepository"],
    "hydra._internal.core_plugins.basic_launcher": ["BasicLauncher"],
    "hydra._internal.core_plugins.basic_sweeper": ["BasicSweeper"],
    "hydra._internal.hydra": ["Hydra"],
    "hydra._internal.utils": ["get_args_parser"],
}


@pytest.mark.parametrize("module", NEEDED)
def test_what_genrun_needs_of_hydra_is_where_it_was(module: str) -> None:
    advice = (
        f"Hydra {hydra.__version__} moved {module}: find the new place in its changelog, and mend "
        "src/genrun/config/hydra_internals.py, the only file that uses it"
    )
    try:
        found = importlib.import_module(module)
    except ImportError:
        pytest.fail(advice)
    for name in NEEDED[module]:
        assert hasattr(found, name), advice


def test_the_methods_that_genrun_calls_take_what_it_gives() -> None:
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra._internal.hydra import Hydra

    composing = inspect.signature(Hydra.compose_config).parameters
    assert {"config_name", "overrides", "run_mode", "with_log_configuration"} <= set(composing)
    splitting = list(inspect.signature(BasicSweeper.split_arguments).parameters)
    assert splitting == ["overrides", "max_batch_size"]
