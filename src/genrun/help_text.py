"""What `genrun --help` shows, read from the YAML files: Hydra's own takes a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrun.groups import LIST_GROUPS, conf_folder

HEAD = """\
genrun trains a generative model that you compose on the command line.

Train    genrun [GROUP=CHOICE ...] [KEY=VALUE ...]
Sweep    genrun -m optimizer.lr=1e-4,3e-4,1e-3 ...
Later    genrun resume RUN | sample RUN | show RUN | list      (genrun VERB --help)
Look     genrun --cfg job [...]         the composed configuration, nothing is run
         genrun GROUP=CHOICE --help     the keys of these choices
         genrun -sc install=bash        shell completion: eval it in your shell
"""
FOOT = "Flags of Hydra: genrun --hydra-help. A whole trace of an error: HYDRA_FULL_ERROR=1."


def help_text(words: Sequence[str], config_dir: str | None) -> str:
    """The choices and the skeleton's keys; or, for the choices among `words`, their own keys."""
    folders = [conf_folder()] if config_dir is None else [Path(config_dir), conf_folder()]
    named = [part for word in words for part in _files(folders, word)]
    if named:
        return "\n".join(f"== {path.parent.name}={path.stem} ==\n{_keys(path)}" for path in named)
    groups = "\n".join(f"{group}: {', '.join(names)}" for group, names in _choices(folders))
    lists = ", ".join(LIST_GROUPS)
    return "\n".join(
        [
            HEAD,
            f"== Choices, as GROUP=CHOICE; {lists} take lists: [a,b] ==\n{groups}\n",
            f"== Keys, as KEY=VALUE ==\n{_keys(conf_folder() / 'config.yaml')}",
            FOOT,
        ]
    )


def _choices(folders: Sequence[Path]) -> list[tuple[str, list[str]]]:
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in folder.glob("*/*.yaml"):
            found.setdefault(path.parent.name, set()).add(path.stem)
    return [(group, sorted(names)) for group, names in sorted(found.items())]


def _files(folders: Sequence[Path], word: str) -> list[Path]:
    """The YAML files of GROUP=CHOICE or GROUP=[CHOICE,CHOICE]; none for other words."""
    group, _, choices = word.partition("=")
    names = choices.strip("[]").split(",")
    paths = [folder / group / f"{name.strip()}.yaml" for name in names for folder in folders]
    return [path for path in paths if path.is_file()]


def _keys(path: Path) -> str:
    """The file's lines with its comments, without what only Hydra reads."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    kept = [block for block in blocks if not block.startswith(("hydra:", "# The skeleton"))]
    return "\n\n".join(kept).strip() + "\n"
