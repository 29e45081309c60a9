"""The command line of `genrun prove`, parsed and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genrun.config.multirun import MOST_JOBS, without_sweep_overrides
from genrun.config.overrides import check_not_repeated, key_of
from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean
from genrun.proof.budget import RunBudget, read_budget
from genrun.proof.contestants import EXAMPLE, ContestantChoice, check_group, read_contestants

NUMBERS = {  # default and minimum
    "trials": (8, 1),
    "seeds": (5, 2),
    "tuning_seeds": (1, 1),
}
SPACE = "space."
CONFIG_DIR = "--config-dir"
LAUNCHER = ("hydra/launcher=", "hydra.launcher.")
FOLDER = "hydra.sweep.dir="


@dataclass(frozen=True)
class ProveOptions:
    """The options of `genrun prove`."""

    over: str
    contestants: tuple[ContestantChoice, ...]
    trials: int  # of each contestant
    seeds: int  # of each winner
    tuning_seeds: int  # of each trial
    budget: RunBudget | None  # None: the configuration's own steps
    test: int | None  # images; None: as many as are held out
    dry: bool
    spaces: dict[str, dict[str, str]]  # by label, the command line's `space.LABEL.KEY`
    shared: list[str]  # words of all runs
    launcher: list[str]  # words of the launcher
    config_dir: str | None


def read_options(words: Sequence[str]) -> ProveOptions:
    """Parses the command line. Raises `ConfigError` if a word is wrong by itself."""
    words, config_dir = _take_config_dir(words)
    for word in words:
        if "=" not in word:
            raise ConfigError(f"{word}: prove takes KEY=VALUE words, {EXAMPLE} among them")
    check_not_repeated(words)
    own = ("over", "contestants", "budget", "test", "dry", *NUMBERS)
    given = dict(word.split("=", 1) for word in words if word.split("=", 1)[0] in own)
    rest = [word for word in words if word.split("=", 1)[0] not in own]
    if "contestants" not in given:
        raise ConfigError(f"contestants: must be given, as {EXAMPLE}")
    over = check_group(given.get("over", "optimizer"))
    contestants = read_contestants(over, given["contestants"], config_dir)
    numbers = {name: _number(name, given, *limits) for name, limits in NUMBERS.items()}
    budget = read_budget(given["budget"]) if "budget" in given else None
    shared = [word for word in rest if not word.startswith((SPACE, *LAUNCHER))]
    _check_shared(shared, over, budget)
    most = len(contestants) * max(numbers["trials"] * numbers["tuning_seeds"], numbers["seeds"])
    if most > MOST_JOBS:
        raise ConfigError(f"{most} runs of one stage; at most {MOST_JOBS}: give fewer trials")
    test = _number("test", given, None, 2) if "test" in given else None
    if given.get("dry", "false") not in ("true", "false"):
        raise ConfigError(f"dry={given['dry']}: must be true or false")
    return ProveOptions(
        over=over,
        contestants=contestants,
        budget=budget,
        test=test,
        dry=given.get("dry") == "true",
        spaces=_spaces([word for word in rest if word.startswith(SPACE)], contestants),
        shared=shared,
        launcher=[word for word in rest if word.startswith(LAUNCHER)],
        config_dir=config_dir,
        **numbers,
    )


def _take_config_dir(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Separates Hydra's `--config-dir FOLDER` or `--config-dir=FOLDER` from the words."""
    rest, found = list(words), None
    for place, word in enumerate(words):
        if word == CONFIG_DIR:
            if place + 1 == len(words):
                raise ConfigError(f"{CONFIG_DIR}: a folder must follow")
            found = words[place + 1]
            del rest[place : place + 2]
            break
        if word.startswith(f"{CONFIG_DIR}="):
            found = word.partition("=")[2]
            del rest[place]
            break
    if found is not None and not Path(found).is_dir():
        raise ConfigError(f"{CONFIG_DIR} {found}: there is no such folder")
    return rest, found


def _number(name: str, given: dict[str, str], default: int | None, least: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) and len(text) < 9):
        raise ConfigError(f"{name}={text}: must be an integer of at least {least}")
    return int(text)


def _check_shared(words: Sequence[str], over: str, budget: RunBudget | None) -> None:
    """Raises `ConfigError` if a word sets what the protocol sets, or has several values."""
    if len(without_sweep_overrides(words)) < len(words):
        several = next(word for word in words if not without_sweep_overrides([word]))
        raise ConfigError(f"{several}: one value must be given; prove draws its own trials")
    for word in words:
        key = key_of(word)
        if key == over:
            raise ConfigError(f"{word}: is set by contestants, as over={over}")
        if budget is not None and key in ("steps", "epochs"):
            raise ConfigError(f"{word}: budget sets the length of runs; leave one of them out")
        if key == "data.test":
            raise ConfigError(f"{word}: write test={word.partition('=')[2]}")
        if key.startswith("hydra") and not word.startswith(FOLDER):
            raise ConfigError(f"{word}: of Hydra's settings prove takes hydra/launcher, "
                              "hydra.launcher.KEY and hydra.sweep.dir")  # fmt: skip
        if key == "sweep":
            raise ConfigError(f"{word}: prove draws its own trials")


def _spaces(
    words: Sequence[str], contestants: Sequence[ContestantChoice]
) -> dict[str, dict[str, str]]:
    """Parses `space.CONTESTANT.KEY=TEXT`. Raises `ConfigError` if it names no contestant."""
    labels = [contestant.label for contestant in contestants]
    found: dict[str, dict[str, str]] = {label: {} for label in labels}
    for word in words:
        name, _, text = word.removeprefix(SPACE).partition("=")
        label, _, key = name.partition(".")
        if label not in labels or not key:
            raise ConfigError(
                f"{word}: must be space.CONTESTANT.KEY=SPACE, CONTESTANT one of "
                f"{', '.join(labels)}{did_you_mean(label, labels)}"
            )
        found[label][key] = text
    return found
