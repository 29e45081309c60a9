"""MkDocs hooks: the reference of the configuration, generated from `conf/` at every build.

Each group of `conf/` becomes a page `reference/config/GROUP.md` with its choices, keys, defaults,
bounds and the descriptions that stand as comments in the YAML files. Nothing of it is written to
`docs/`, so it cannot differ from the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from genrun.config.limits import parse_comment

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
PROJECT = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}

INTRODUCTIONS = {
    "model": "What is trained: its networks, its players and their losses. On 28x28 images the "
    "default backbone makes a GAN of 100-256-784 and 784-256-1 units and an autoencoder of "
    "784-256-784.",
    "backbone": "The networks' bodies: encoder, decoder and denoiser, of which models are built.",
    "data": "What is trained on, and how it is split.",
    "optimizer": "The update rule of every player. `players.NAME.optimizer` sets it for one.",
    "updates": "How players take turns; around any optimizer.",
    "schedule": "The learning rate over the steps.",
    "regularization": "A list: `regularization=[ema,dropout]`. One that has no effect on the "
    "model is an error. Each model's default list is below.",
    "stopping": "A list of policies that may end a run. A run whose loss or weights are no "
    "longer finite ends without any of them.",
    "metric": "A list of metrics that compare samples with held-out data. `monitor=NAME` judges "
    "the run by one of them.",
    "features": "The space in which metrics compare images.",
    "tracker": "A list of experiment trackers that receive what the run's own log holds.",
    "runtime": "Where and how the arithmetic is done.",
    "experiment": "Named recipes: `genrun experiment=NAME`. Each replaces defaults of the other "
    "groups; keys on the command line override it.",
    "sweep": "Named sweeps: `genrun -m sweep=NAME`.",
    "launcher": "How the jobs of a sweep are run: `hydra/launcher=NAME`. Besides genrun's own, "
    "Hydra's launchers `basic`, `joblib`, `submitit_local`, `submitit_slurm` and `ray` may be "
    "named ([guide](../../guides/clusters.md)).",
    "sweeper": "How the points of a sweep are chosen: `hydra/sweeper=NAME` "
    "([guide](../../guides/sweeps.md)).",
    "space": "The ranges from which `genrun prove` and spaces of your own draw values: "
    "`conf/space/GROUP/CHOICE.yaml` ([guide](../../guides/proving.md)).",
}
FOLDERS = {"launcher": "hydra/launcher", "sweeper": "hydra/sweeper"}
AS_YAML = {"experiment", "sweep"}  # overrides of other groups; their keys are described there
HIDDEN = {"usual"}  # has no keys; see `_usual`


@dataclass(frozen=True)
class Key:
    """One key of a YAML file with its default and its comment, both as written."""

    name: str
    default: str
    comment: str
    heading: bool = False


@dataclass
class Choice:
    """What one YAML file documents."""

    name: str
    description: str = ""
    target: str = ""
    keys: list[Key] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    text: str = ""
    bounds: dict[str, str] = field(default_factory=dict)


def read_choice(path: Path) -> Choice:
    """Returns what a YAML file says in its keys and in its comments."""
    text = path.read_text(encoding="utf-8")
    choice = Choice(path.stem, text=text)
    lines = text.splitlines()
    head = _comment_lines(lines)
    choice.description = " ".join(head)
    node = yaml.compose(text)
    for name, value, line, comment in _keys_of(node, lines):
        bound, comment = parse_comment(comment)
        if bound is not None:
            choice.bounds[name] = ("an integer, " if bound.whole else "") + bound.text
        above = _comments_above(lines, line)
        comment = ". ".join(part for part in (above, comment) if part)
        if name == "_target_":
            choice.target = value
        elif name == "defaults" or name.startswith("defaults."):
            continue
        elif name != "hydra" and not name.startswith("hydra."):
            choice.keys.append(Key(name, value, comment, heading=value == ""))
    content = yaml.safe_load(text) or {}
    choice.bases = [str(base) for base in content.get("defaults", []) if base != "_self_"]
    return choice


def _comments_above(lines: list[str], line: int) -> str:
    """Returns the lines of comment directly above a key, but not the file's head."""
    found = []
    for number in range(line - 1, _first_line_of_yaml(lines), -1):
        if not lines[number].strip().startswith("#"):
            break
        found.append(lines[number].strip("# "))
    return " ".join(reversed(found))


def _comment_lines(lines: list[str]) -> list[str]:
    head = lines[: _first_line_of_yaml(lines)]
    return [line.strip("# ") for line in head if not line.startswith("# @package")]


def _first_line_of_yaml(lines: list[str]) -> int:
    found = (n for n, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    return next(found, len(lines))


def _keys_of(
    node: yaml.Node | None, lines: list[str], prefix: str = ""
) -> Iterator[tuple[str, str, int, str]]:
    """Yields (key, default as written, line, comment) of every key, those of blocks too."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        start, end = value.start_mark, value.end_mark
        line = lines[key.start_mark.line]
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield name, "", key.start_mark.line, _comment(line, key.end_mark.column + 1)
            yield from _keys_of(value, lines, f"{name}.")
        elif start.line == end.line == key.start_mark.line:
            written = line[start.column : end.column].strip()
            yield name, written, start.line, _comment(line, end.column)
        else:
            yield name, "…", start.line, _comment(line, key.end_mark.column + 1)


def _comment(line: str, after: int) -> str:
    _, mark, comment = line[after:].partition("#")
    return comment.strip() if mark else ""


def page_of(group: str) -> str:
    """The Markdown of one group's page."""
    folder = CONF / FOLDERS.get(group, group)
    parts = [f"# `{FOLDERS.get(group, group)}`", INTRODUCTIONS[group]]
    if group == "space":
        return "\n\n".join([*parts, *_spaces(folder)]) + "\n"
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in HIDDEN:
            parts += _section(group, read_choice(path))
    if group == "regularization":
        parts += _usual(folder / "usual_for")
    return "\n\n".join(parts) + "\n"


def _section(group: str, choice: Choice) -> list[str]:
    parts = [f"## `{choice.name}`", _sentence(choice.description)]
    if choice.target:
        parts.append(f"Class: `{choice.target}`.")
    if group in AS_YAML:
        body = choice.text.splitlines()[_first_line_of_yaml(choice.text.splitlines()) :]
        return [*parts, "```yaml\n" + "\n".join(body) + "\n```"]
    if choice.bases:
        named = ", ".join(f"`{base}`" for base in choice.bases)
        parts.append(f"Also has the keys of {named}.")
    prefix = {"launcher": "hydra.launcher.", "sweeper": "hydra.sweeper."}.get(group)
    listed = group in ("regularization", "stopping", "metric", "tracker")
    prefix = prefix or (f"{group}.{choice.name}." if listed else f"{group}.")
    return [*parts, table_of(choice.keys, choice.bounds, prefix)] if choice.keys else parts


def table_of(keys: list[Key], bounds: dict[str, str], prefix: str) -> str:
    """A Markdown table of keys; the column of bounds only if any key has one."""
    bounded = any(key.name in bounds for key in keys)
    columns = ["key", "default", *(["allowed"] if bounded else []), "meaning"]
    rows = [columns, ["---"] * len(columns)]
    for key in keys:
        allowed = [_cell(bounds.get(key.name, ""))] if bounded else []
        default = f"`{key.default}`" if key.default else ""
        rows.append([f"`{prefix}{key.name}`", default, *allowed, _cell(key.comment)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _usual(folder: Path) -> list[str]:
    rows = ["| model | regularization | why |", "|---|---|---|"]
    for path in sorted(folder.glob("*.yaml")):
        choice = read_choice(path)
        names = ", ".join(f"`{base.rpartition('/')[2]}`" for base in choice.bases)
        rows.append(f"| `{path.stem}` | {names} | {_cell(choice.description)} |")
    text = "What a model is trained with if the command line names no regularization. Models that "
    return ["## Defaults by model", text + "are not listed have none.", "\n".join(rows)]


def _spaces(folder: Path) -> Iterator[str]:
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        rows = ["| choice | key | range | why |", "|---|---|---|---|"]
        for path in sorted(group.glob("*.yaml")):
            choice = read_choice(path)
            content = yaml.safe_load(choice.text) or {}
            for key, value in content.items():
                rows.append(f"| `{choice.name}` | `{key}` | `{value}` | {choice.description} |")
        yield f"## `{group.name}`"
        yield "\n".join(rows)


def index_page() -> str:
    """The skeleton's own keys, and the list of groups."""
    choice = read_choice(CONF / "config.yaml")
    groups = ["| group | choices |", "|---|---|"]
    for group in INTRODUCTIONS:
        folder = CONF / FOLDERS.get(group, group)
        names = [p.stem for p in sorted(folder.glob("*.yaml")) if p.stem not in HIDDEN]
        listed = ", ".join(f"`{name}`" for name in names) or "see its page"
        groups.append(f"| [`{FOLDERS.get(group, group)}`]({group}.md) | {listed} |")
    return "\n\n".join(
        [
            "# Configuration",
            "These pages are generated from the YAML files in `conf/`. A choice is picked as "
            "`GROUP=CHOICE`, a key is set as `KEY=VALUE`. `genrun GROUP=CHOICE --help` prints the "
            "same in a terminal, and `genrun --cfg job …` what a command line composes to.",
            "## Groups",
            "\n".join(groups),
            "## Keys of a run",
            table_of(choice.keys, choice.bounds, ""),
            "`hydra.run.dir` is the folder of a run and `hydra.sweep.dir` that of a sweep; both "
            "must be below the working directory.",
        ]
    )


def _sentence(text: str) -> str:
    text = _cell(text)
    return text if not text or text[-1] in ".:?!" else f"{text}."


def _cell(text: str) -> str:
    """Markdown of a comment: what would be read as markup is escaped, papers become links."""
    text = text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")
    return re.sub(r"(?<=arXiv )(\d{4}\.\d{4,5})", r"[\1](https://arxiv.org/abs/\1)", text)


def pages() -> dict[str, str]:
    """The generated pages by their path below `docs/`."""
    made = {f"reference/config/{group}.md": page_of(group) for group in INTRODUCTIONS}
    return {"reference/config/index.md": index_page(), **made}


def project_pages() -> dict[str, str]:
    """CONTRIBUTING.md and CHANGELOG.md as pages of the site."""
    return {
        path: re.sub(r"\]\(docs/", "](", (ROOT / name).read_text(encoding="utf-8"))
        for path, name in PROJECT.items()
    }


def missing_groups() -> set[str]:
    """Folders of `conf/` without a page."""
    documented = {FOLDERS.get(group, group).partition("/")[0] for group in INTRODUCTIONS}
    return {path.name for path in CONF.iterdir() if path.is_dir()} - documented


# What MkDocs calls


def on_files(files: Any, config: Any) -> Any:
    """Adds the generated pages."""
    from mkdocs.exceptions import PluginError
    from mkdocs.structure.files import File

    if missing := missing_groups():
        raise PluginError(f"scripts/reference.py: conf/ has {missing}, which no page describes")
    for path, text in {**pages(), **project_pages()}.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links to files of the project's root lead to the pages that are generated of them."""
    for path, name in PROJECT.items():
        markdown = re.sub(
            rf"\]\((?:\.\./)+{name}\)", f"]({_up(page.file.src_uri)}{path})", markdown
        )
    return markdown


def _up(path: str) -> str:
    return "../" * path.count("/")


ASSET = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuses pages that would fetch something from another host."""
    from mkdocs.exceptions import PluginError

    found = [tag for tag in ASSET.findall(output) if 'rel="canonical"' not in tag]
    if found:
        raise PluginError(f"{page.file.src_uri}: fetches {found[0]}")
    return output
