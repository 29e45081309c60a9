"""From words on a command line to a checked configuration, without importing torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from genrun.config import schema, validation
from genrun.config.groups import LIST_GROUPS, SINGLE_GROUPS, conf_folder
from genrun.config.hydra_errors import no_such_choice, one_line_errors
from genrun.config.hydra_policy import check_hydra, folder_below
from genrun.config.limits import Bound, bounds_of_choice, skeleton_bounds
from genrun.config.overrides import check_words, hydra_overrides, key_of
from genrun.config.tracker_mode import check_not_online
from genrun.config.validation import check_no_environment
from genrun.config.yaml_check import CheckedRepository
from genrun.core.errors import ConfigError


@dataclass(frozen=True)
class Composed:
    """A checked experiment."""

    config: dict[str, Any]  # resolved; plain types
    choices: dict[str, str]  # what was picked from each group
    overrides: list[str]
    folder: Path  # where Hydra's settings would put the run
    sweep_folder: Path
    sweeps: bool  # it holds a sweep's values, which only -m runs
    launcher: dict[str, Any]  # Hydra's settings of what runs a sweep's jobs
    sweeper: dict[str, Any]  # and of what makes them
    composition: DictConfig | None = None  # of a single experiment: with Hydra's own settings


def compose(words: Sequence[str], config_dir: str | None = None) -> Composed:
    """Composes and checks one experiment. Raises `ConfigError`; creates nothing."""
    with hydra_ready(config_dir), _composed(words) as composed:
        return replace(_checked(composed, list(words), config_dir), composition=composed)


def compose_each(
    lines: Sequence[Sequence[str]], config_dir: str | None = None
) -> list[Composed | ConfigError]:
    """Every line's experiment, or what is wrong with it; files are read once."""
    points: list[Composed | ConfigError] = []
    with hydra_ready(config_dir):
        for words in lines:
            try:
                with _composed(words) as composed:
                    points.append(_checked(composed, list(words), config_dir))
            except ConfigError as error:
                points.append(error)
    return points


def sweeper_of(words: Sequence[str], config_dir: str | None = None) -> dict[str, Any]:
    """Hydra's settings of who makes a sweep's jobs; the experiment's own values may be missing."""
    with hydra_ready(config_dir), _composed(words) as composed:
        return _plain(composed.hydra.sweeper)


def check_safe(words: Sequence[str], config_dir: str | None = None) -> None:
    """Only what keeps Hydra from running or reading what it should not; values may be missing.

    Words that touch neither Hydra nor an interpolation cannot: they save the composition.
    """
    check_words(words)
    if config_dir is not None or any("hydra" in word or "$" in word for word in words):
        with hydra_ready(config_dir), _composed(words):
            return


@contextmanager
def _composed(words: Sequence[str]) -> Iterator[DictConfig]:
    check_words(words)
    overrides = hydra_overrides(words)
    with one_line_errors(words, overrides):
        composed = hydra_compose("config", overrides, return_hydra_config=True)
        HydraConfig.instance().set_config(composed)
        check_hydra(composed.hydra)
        yield composed


@contextmanager
def hydra_ready(config_dir: str | None) -> Iterator[None]:
    """Hydra set up for composing, with the user's own folder behind ours, as Hydra does."""
    schema.register()
    if config_dir is not None and not Path(config_dir).is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such folder")
    if config_dir is not None:
        _check_no_shadows(Path(config_dir))
    before, hydra = HydraConfig.instance().cfg, GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3", job_name="genrun"):
            if config_dir is not None:
                loader = GlobalHydra.instance().config_loader()
                path = f"file://{Path(config_dir).resolve()}"
                loader.get_search_path().prepend("command-line", path, "schema")
                loader.repository = CheckedRepository(loader.get_search_path())  # type: ignore[attr-defined]  # Hydra's interface does not name it
            yield
    finally:
        HydraConfig.instance().cfg, GlobalHydra.instance().hydra = before, hydra


def _check_no_shadows(folder: Path) -> None:
    """Of two files with one name Hydra takes ours, and the user's would do nothing."""
    for path in folder.glob("*/*.yaml"):
        if (conf_folder() / path.relative_to(folder)).is_file():
            raise ConfigError(
                f"--config-dir: {path} has the name of a choice of genrun; give it another"
            )


def _checked(composed: DictConfig, words: list[str], config_dir: str | None) -> Composed:
    choices = {name: str(choice) for name, choice in composed.hydra.runtime.choices.items()}
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    check_no_environment(OmegaConf.to_container(own, resolve=False))
    config = OmegaConf.to_container(own, resolve=True, throw_on_missing=False)
    assert isinstance(config, dict)
    plain: dict[str, Any] = {str(key): value for key, value in config.items()}
    for group in SINGLE_GROUPS:
        if not isinstance(plain.get(group), Mapping) or group not in choices:
            raise ConfigError(f"{group}: one choice must be given, as {group}=CHOICE")
    validation.check_skeleton(plain)
    if plain["plugins"] and not any(key_of(word) == "plugins" for word in words):
        raise ConfigError("plugins: only the command line itself may list them, no YAML file")
    check_not_online(plain, [key_of(word) for word in words])
    _merge_players(plain)
    files = _files(plain, choices)
    validation.check(plain, _reference(files), _bounds(files, config_dir))
    return Composed(
        config=plain,
        choices={
            **{group: choices[group] for group in SINGLE_GROUPS},
            **{group: ",".join(plain[group]) for group in LIST_GROUPS},
        },
        overrides=words,
        folder=folder_below("hydra.run.dir", str(composed.hydra.run.dir)),
        sweep_folder=folder_below("hydra.sweep.dir", str(composed.hydra.sweep.dir)),
        sweeps=any(composed.hydra.sweeper.get(name) for name in ("params", "space")),
        launcher=_plain(composed.hydra.launcher),
        sweeper=_plain(composed.hydra.sweeper),
    )


def _plain(settings: DictConfig) -> dict[str, Any]:
    content = OmegaConf.to_container(settings, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _merge_players(config: dict[str, Any]) -> None:
    """Completes each player's optimizer: what it leaves out is taken from `optimizer`."""
    for name, settings in config["players"].items():
        if not isinstance(settings, Mapping) or set(settings) != {"optimizer"}:
            raise ConfigError(
                f"players.{name}: a player can have an optimizer of its own, given as "
                f"players.{name}.optimizer=CHOICE or players.{name}.optimizer.lr=VALUE"
            )
        optimizer = settings["optimizer"]
        if not isinstance(optimizer, Mapping):
            raise ConfigError(f"players.{name}.optimizer={optimizer}: must be settings")
        if "_target_" not in optimizer:
            config["players"][name] = {"optimizer": {**config["optimizer"], **optimizer}}


def _files(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, str]:
    """Returns GROUP/CHOICE of the chosen YAML files, by the key at which each was put."""
    files = {group: f"{group}/{choices[group]}" for group in SINGLE_GROUPS}
    for group in LIST_GROUPS:
        files |= {f"{group}.{name}": f"{group}/{name}" for name in config[group]}
    for name in config["players"]:
        path = f"players.{name}.optimizer"
        files[path] = f"optimizer/{choices.get(f'optimizer@{path}', choices['optimizer'])}"
    return files


def _reference(files: Mapping[str, str]) -> dict[str, Any]:
    """Returns the files' own content, by the key at which each was put."""
    repository = GlobalHydra.instance().config_loader().repository  # type: ignore[attr-defined]  # Hydra's interface does not name it
    loaded = {path: repository.load_config(file) for path, file in files.items()}
    for path, result in loaded.items():
        if result is None:
            raise ConfigError(no_such_choice(*files[path].split("/")))
    return {path: _own_keys(result.config) for path, result in loaded.items()}


def _bounds(files: Mapping[str, str], config_dir: str | None) -> dict[str, Bound]:
    """Returns the bounds of every key that has some."""
    bounds = skeleton_bounds()
    for path, file in files.items():
        group, _, choice = file.partition("/")
        own = bounds_of_choice(group, choice, config_dir)
        bounds = bounds | {f"{path}.{key}": bound for key, bound in own.items()}
    return bounds


def _own_keys(config: DictConfig) -> dict[str, Any]:
    """A file's keys and values as they stand in it."""
    content = OmegaConf.to_container(config, resolve=False)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key != "defaults"}
