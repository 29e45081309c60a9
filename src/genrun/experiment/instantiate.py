"""Names in a configuration to objects, behind the allowlist.

`_target_` may name classes of genrun, torch.optim and optional packages, each in its own group,
and classes in the modules that the user's own command line lists in `plugins`: a saved run's
configuration can name nothing else, so a stranger's run cannot run code.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError

PACKAGE_MODULES = (  # the modules of optional packages that conf/ offers, and no other of theirs
    "pytorch_optimizer.optimizer.ademamix.",
    "pytorch_optimizer.optimizer.lion.",
    "pytorch_optimizer.optimizer.soap.",
    "prodigyopt.prodigy.",
    "schedulefree.adamw_schedulefree.",
    "schedulefree.sgd_schedulefree.",
)
EXTRAS = {module.partition(".")[0]: "optim" for module in PACKAGE_MODULES}  # by package
ALLOWED: dict[str, tuple[str, ...]] = {
    "optimizer": (
        "torch.optim.",
        "genrun.components.optimizer.",
        *PACKAGE_MODULES,
    ),
    "schedule": ("torch.optim.lr_scheduler.",),
    **{
        group: (f"genrun.components.{group}.",)
        for group in (
            "data",
            "model",
            "backbone",
            "updates",
            "regularization",
            "stopping",
            "metric",
            "features",
            "tracker",
        )
    },
}  # fmt: skip

SPECIAL = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")

Config = Mapping[str, Any]


def instantiate(group: str, settings: Config, plugins: Sequence[str], key: str = "") -> Any:
    """The object that `settings` describe. Raises `ConfigError` naming the group."""
    target = find_class(group, settings, plugins)
    arguments = {name: value for name, value in settings.items() if name != "_target_"}
    _refuse_special(key or group, arguments)
    with config_errors(key or group):
        return target(**arguments)


def find_class(group: str, settings: Config, plugins: Sequence[str]) -> type:
    """The class that `_target_` names, if it may."""
    name = settings.get("_target_")
    if not isinstance(name, str):
        raise ConfigError(f"{group}._target_: must name a class")
    own = name.startswith(ALLOWED[group])
    plugin = any(name.startswith(f"{module}.") for module in plugins)
    if plugin and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # where the command was given, as `python -m` does
    if not own and not plugin:
        rooms = ", ".join(prefix.rstrip(".") for prefix in ALLOWED[group])
        raise ConfigError(
            f"{group}._target_={name}: must be in {rooms}, or in a module that your own command "
            "line lists in plugins=[…]"
        )
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRAS:
            raise ConfigError(
                f"{group}._target_={name}: needs pip install 'genrun[{EXTRAS[missing]}]'"
            ) from error
        raise ConfigError(f"{group}._target_={name}: cannot be imported ({error})") from error
    except Exception as error:  # a module can fail in any way when it is imported
        raise ConfigError(f"{group}._target_={name}: cannot be imported ({error})") from error
    if not inspect.isclass(found):
        raise ConfigError(f"{group}._target_={name}: is not a class")
    # `genrun.components.model.gan.Tensor` can be reached and is torch's
    if not plugin and not f"{found.__module__}.".startswith(ALLOWED[group]):
        raise ConfigError(f"{group}._target_={name}: is defined in {found.__module__}")
    return found


def _refuse_special(key: str, value: Any) -> None:
    """Hydra's own instantiation would act on these; here they could only mislead."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in SPECIAL:
                raise ConfigError(f"{key}.{name}: is not allowed there; genrun builds no nests")
            _refuse_special(f"{key}.{name}", inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_special(key, inner)


@contextmanager
def config_errors(where: str) -> Iterator[None]:
    """What a constructor does not like, as one line that names where it was set."""
    try:
        yield
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{where}: {error}") from error
