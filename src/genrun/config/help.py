"""The text of `genrun --help`, read from the YAML files, as Hydra's own takes a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from genrun.config.groups import LIST_GROUPS, conf_folder
from genrun.core.errors import ConfigError

HEAD = """\
genrun trains a generative model that you compose on the command line.

Train    genrun [GROUP=CHOICE ...] [KEY=VALUE ...]
Sweep    genrun -m optimizer.lr=1e-4,3e-4,1e-3 ...
Search   genrun -m hydra/sweeper=tpe 'optimizer.lr=log 1e-5..1e-1' ...
Prove    genrun prove contestants=[adam,rmsprop,sgd] trials=8 seeds=5 ...
Use      genrun resume RUN | sample RUN | evaluate RUN | show RUN | list   (genrun VERB --help)
Compare  genrun compare RUN... [by=optimizer]   which is best, at what compute, how certain
         genrun report RUN... [out=FILE.html]   the same as a page, with curves and samples
         genrun replay RUN... stopping=[early] stopping.early.patience=3,5,10   other stopping
Show     genrun --cfg job [...]         the composed configuration, without running it
         genrun GROUP=CHOICE --help     the keys of these choices
         genrun -sc install=bash        shell completion: eval it in your shell
"""
FOOT = "Flags of Hydra: genrun --hydra-help. The traceback of an error: HYDRA_FULL_ERROR=1."


def help_text(words: Sequence[str], config_dir: str | None) -> str:
    """Returns all choices and the common keys, or the keys of the choices that `words` name.

    Raises `ConfigError` if a choice does not exist.
    """
    choices = _choices(
        [conf_folder()] if config_dir is None else [conf_folder(), Path(config_dir)]
    )
    files = [path for word in words for path in _find_files(choices, word)]
    if files:
        return "\n".join(f"== {path.parent.name}={path.stem} ==\n{_keys(path)}" for path in files)
    groups = "\n".join(f"{group}: {', '.join(sorted(files))}" for group, files in choices.items())
    lists = ", ".join(LIST_GROUPS)
    return "\n".join(
        [
            HEAD,
            f"== Choices, as GROUP=CHOICE; {lists} take lists: [a,b] ==\n{groups}\n",
            f"== Keys, as KEY=VALUE ==\n{_keys(conf_folder() / 'config.yaml')}",
            FOOT,
        ]
    )


def _choices(folders: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Returns the files of every group's choices; of two with one name the first, like Hydra."""
    found: dict[str, dict[str, Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"--config-dir {folder}: there is no such folder")
        for path in sorted(folder.glob("*/*.yaml")):
            found.setdefault(path.parent.name, {}).setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _find_files(choices: Mapping[str, Mapping[str, Path]], word: str) -> list[Path]:
    """Returns the files of GROUP=CHOICE or GROUP=[CHOICE,CHOICE]; none for KEY=VALUE."""
    group, _, value = word.partition("=")
    if group not in choices:
        return []
    names = [name.strip() for name in value.removeprefix("[").removesuffix("]").split(",")]
    for name in names:
        if name not in choices[group]:
            raise ConfigError(f"{group}={name}: must be one of {', '.join(choices[group])}")
    return [choices[group][name] for name in names]


def _keys(path: Path) -> str:
    """Returns the file with its comments, without the blocks that only Hydra reads."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    documented = [b for b in blocks if not b.startswith("hydra:") and "\ndefaults:\n" not in b]
    return "\n\n".join(documented).strip() + "\n"
