"""Turns Hydra's and OmegaConf's exceptions into one line with what is wrong and allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import compose as hydra_compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean

EXTRAS = {  # launcher -> extra of genrun
    "joblib": "cluster",
    "submitit_local": "cluster",
    "submitit_slurm": "cluster",
    "ray": "ray",
}


@contextmanager
def one_line_errors(words: Sequence[str], overrides: Sequence[str]) -> Iterator[None]:
    """Turns Hydra's and OmegaConf's exceptions into a `ConfigError`."""
    try:
        yield
    except MissingConfigException as error:
        raise ConfigError(_missing_choice(error)) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_one_line(error, overrides)) from error
    except (ValueError, AssertionError, RecursionError, TypeError, OSError) as error:
        null = next((o for o in overrides if o.endswith("=null")), "")
        if "Config group override must be" in str(error) and null:
            group = null.partition("=")[0]
            raise ConfigError(f"{null}: one choice must be given, as {group}=CHOICE") from error
        raise ConfigError(f"{' '.join(words)}: {_first_line(error)}") from error


def _missing_choice(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return _first_line(error)
    return no_such_choice(group, name)


def no_such_choice(group: str, name: str) -> str:
    """Returns the message for an unknown choice, or one that needs an extra package."""
    repository = GlobalHydra.instance().config_loader().repository  # type: ignore[attr-defined]  # Hydra's interface does not name it
    options = repository.get_group_options(group)
    if group == "hydra/launcher" and name in EXTRAS:
        return f"{group}={name}: needs pip install 'genrun[{EXTRAS[name]}]'"
    hint = did_you_mean(name, options)
    return f"{group}={name}: there is no such choice of {group} ({', '.join(options)}){hint}"


def _one_line(error: Exception, overrides: Sequence[str]) -> str:
    text = str(error)
    if matched := re.search(r"Could not override '([^']+)'", text):
        return _unknown_key(matched[1], overrides)
    if matched := re.search(r"Ambiguous value for argument '([^']+)'", text):
        key, _, value = matched[1].partition("=")
        return (
            f"{matched[1]}: several values need a sweep (genrun -m {matched[1]}), a list "
            f"({key}=[{value}]) or quotes"
        )
    group = re.search(r"resolving interpolation '\$\{(\w+)\}'", text)
    if group:
        return f"{group[1]}: one choice must be given, as {group[1]}=CHOICE"
    if "LexerNoViableAlt" in text or "no viable alternative" in text or "mismatched input" in text:
        bad = next((word for word in overrides if not _parses(word)), " ".join(overrides))
        return f"{bad}: must be KEY=VALUE, with brackets and quotes closed"
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = getattr(cause, "full_key", None)
    expected_type = re.search(r"(?:converted to|is not a valid) (\w+)", str(cause))
    if key and expected_type:
        value = next((o.partition("=")[2] for o in overrides if o.startswith(f"{key}=")), "")
        kind = {"Integer": "an integer", "Boolean": "true or false", "bool": "true or false"}.get(
            expected_type[1], expected_type[1]
        )
        return f"{key}={value}: must be {kind}"
    if key and "is not Optional" in str(cause):
        return f"{key}=null: must have a value"
    return f"{key}: {_first_line(cause)}" if key else _first_line(cause)


def _unknown_key(key: str, overrides: Sequence[str]) -> str:
    """Returns the message for an unknown key, with the keys that exist in its place."""
    parent, _, name = key.rpartition(".")
    others = [o for o in overrides if o.lstrip("+~").partition("=")[0] != key]
    try:
        composed = hydra_compose("config", others)
        node = OmegaConf.select(composed, parent) if parent else composed
        known = [str(k) for k in node if k != "_target_"] if isinstance(node, DictConfig) else []
    except (HydraException, OmegaConfBaseException):
        known = []
    where = f" in {parent}" if parent else ""
    listed = f" ({', '.join(known)})" if known else ""
    return f"{key}: there is no such key{where}{listed}{did_you_mean(name, known)}"


def _parses(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
