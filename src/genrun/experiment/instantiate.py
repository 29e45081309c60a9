"""Instantiates the classes that a configuration names, from an allowlist.

`_target_` may name classes of genrun, torch.optim and optional packages, each in its own group,
and classes in the modules that the user's own command line lists in `plugins`. A saved run's
configuration can name nothing else, so an untrusted run cannot execute code.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError

PACKAGE_MODULES = (  # modules of optional packages; only those that conf/ uses
    "pytorch_optimizer.optimizer.ademamix.",
    "pytorch_optimizer.optimizer.lion.",
    "pytorch_optimizer.optimizer.soap.",
    "prodigyopt.prodigy.",
    "schedulefree.adamw_schedulefree.",
    "schedulefree.sgd_schedulefree.",
)
EXTRAS = {
    module.partition(".")[0]: "optim" for module in PACKAGE_MODULES
}  # package -> extra of genrun
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
    """Returns an instance of the class in `settings["_target_"]`, built from the other settings.

    Raises `ConfigError` naming `key`, by default the group.
    """
    target = find_class(group, settings, plugins)
    arguments = {name: value for name, value in settings.items() if name != "_target_"}
    _check_no_special(key or group, arguments)
    check_arguments(key or group, target, arguments)
    with config_errors(key or group):
        return target(**arguments)


def find_class(group: str, settings: Config, plugins: Sequence[str]) -> type:
    """Returns the class that `_target_` names. Raises `ConfigError` if it is not allowed."""
    name = settings.get("_target_")
    if not isinstance(name, str):
        raise ConfigError(f"{group}._target_: must name a class")
    is_allowed = name.startswith(ALLOWED[group])
    is_plugin = any(name.startswith(f"{module}.") for module in plugins)
    if is_plugin and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    if not is_allowed and not is_plugin:
        prefixes = ", ".join(prefix.rstrip(".") for prefix in ALLOWED[group])
        raise ConfigError(
            f"{group}._target_={name}: must be in {prefixes}, or in a module that your own "
            "command line lists in plugins=[…]"
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
    # `genrun.components.model.gan.Tensor` is reachable but is torch's
    if not is_plugin and not f"{found.__module__}.".startswith(ALLOWED[group]):
        raise ConfigError(f"{group}._target_={name}: is defined in {found.__module__}")
    return found


def _check_no_special(key: str, value: Any) -> None:
    """Raises `ConfigError` for keys of Hydra's own instantiation, which have no effect here."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in SPECIAL:
                raise ConfigError(f"{key}.{name}: is not allowed there; objects cannot be nested")
            _check_no_special(f"{key}.{name}", inner)
    elif isinstance(value, list):
        for inner in value:
            _check_no_special(key, inner)


def check_arguments(key: str, kind: type, names: Collection[str], positional: int = 0) -> None:
    """Raises `ConfigError` unless a class takes arguments of these names and needs no others.

    Its first `positional` arguments are given otherwise.
    """
    try:
        parameters = list(inspect.signature(kind).parameters.values())[positional:]
    except (ValueError, TypeError):  # some classes written in C have none
        return
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    missing = [n for n, p in named.items() if p.default is p.empty and n not in names]
    if missing:
        raise ConfigError(
            f"{key}: its YAML file has no key {missing[0]}, which {kind.__name__} needs"
        )
    extra = [name for name in names if name not in named]
    if extra and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise ConfigError(
            f"{key}: its YAML file has the key {extra[0]}, which {kind.__name__} does not take"
        )


@contextmanager
def config_errors(key: str) -> Iterator[None]:
    """Turns the errors of a constructor into a `ConfigError` that names the key."""
    try:
        yield
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{key}: {error}") from error
