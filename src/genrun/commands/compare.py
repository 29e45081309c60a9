"""`genrun compare`: which is best, for how much compute, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.commands.arguments import (
    merge_settings,
    parse_folders_and_settings,
    parse_integer,
    parse_names,
)
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.runs.files import check_output_path

if TYPE_CHECKING:  # numpy, which a wrong word is said without
    from genrun.comparison.options import CompareOptions
    from genrun.results.collect import Found

DEFAULTS = {
    "by": "",
    "metric": "",
    "budget": "steps",
    "at": "",
    "target": "",
    "baseline": "",
    "difference": "",
    "resamples": "10000",
    "split": "",
    "out": "",
}
BUDGETS = ("steps", "seconds", "examples", "flops")
SPLITS = ("held_out", "test")
LARGEST_VERDICT = 1 << 28
LEAST_RESAMPLES, MOST_RESAMPLES = 1000, 1_000_000
USAGE = (
    "genrun compare RUN… [by=KEY|[KEY,…]] [metric=NAME] [budget=steps|seconds|examples|flops]\n"
    "                    [at=NUMBER] [target=NUMBER | baseline=NAME] [difference=NUMBER]\n"
    "                    [resamples=10000] [split=held_out|test] [out=FILE.json]\n"
    "  RUN is a run's folder, a sweep's, a proof's, or one that holds any of these. What the\n"
    "  runs differ in makes contestants; by=optimizer makes one of each optimizer, represented\n"
    "  by its best configuration. Prints a sentence for each pair, quality at equal budget and\n"
    "  at the end, time to the target (given, or the median best of the baseline), what tuning\n"
    "  cost, and warnings. at= is the budget (else the least that a contestant typically spent),\n"
    "  difference= one that is worth deciding. out= keeps all numbers."
)


def run(words: Sequence[str]) -> int:
    """Prints the verdict, and writes it to `out` if given."""
    folders, settings = parse_folders_and_settings(USAGE, words)
    given = merge_settings("compare", settings, DEFAULTS)
    options, out = parse_options(given), None
    if given["out"]:
        verdicts = "verdict of genrun compare"
        out = check_output_path(Path(given["out"]), (".json",), _is_verdict, verdicts)

    from genrun.comparison.compare import compare_runs, to_json
    from genrun.comparison.tables import print_verdict
    from genrun.runs.files import write_json
    from genrun.terminal.tables import print_line

    found = collect_runs(folders)
    verdict = compare_runs(found.records, options, found.damaged)
    print_verdict(verdict)
    if out is not None:
        write_json(out, to_json(verdict))
        print_line(str(out))
    return 0


def parse_options(given: Mapping[str, str]) -> CompareOptions:
    """What the words of a comparison ask. Raises `ConfigError`."""
    from genrun.comparison.options import CompareOptions

    for name, allowed in (("budget", BUDGETS), ("split", ("", *SPLITS))):
        if given[name] not in allowed:
            listing = ", ".join(filter(None, allowed))
            raise ConfigError(f"{name}={given[name]}: must be one of {listing}")
    numbers = {name: _number(name, given) for name in ("at", "target", "difference")}
    resamples = parse_integer("resamples", given["resamples"], LEAST_RESAMPLES)
    if resamples > MOST_RESAMPLES:
        raise ConfigError(f"resamples={resamples}: must be at most {MOST_RESAMPLES}")
    if given["target"] and given["baseline"]:
        raise ConfigError("target, baseline: either gives the target; leave one of them out")
    return CompareOptions(
        by=tuple(parse_names(given["by"])),
        metric=given["metric"] or None,
        budget=given["budget"],  # type: ignore[arg-type]  # checked above
        baseline=given["baseline"] or None,
        resamples=resamples,
        split=given["split"] or None,  # type: ignore[arg-type]  # checked above
        **numbers,
    )


def collect_runs(folders: Sequence[str]) -> Found:
    """At least one that can be read. Raises `InputMissing`, `CheckpointUnusable`."""
    from genrun.results.collect import collect

    found = collect(folders)
    if not found.records:
        why = next(iter(found.damaged.values()))
        more = f"; {len(found.damaged)} are damaged in all" if len(found.damaged) > 1 else ""
        raise CheckpointUnusable(f"{why}{more}")
    return found


def _number(name: str, given: Mapping[str, str]) -> float | None:
    """A finite number, above 0 but for a target; None where none is given."""
    text = given[name]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    above = name != "target"
    if not math.isfinite(value) or (above and value <= 0):
        raise ConfigError(f"{name}={text}: must be a finite number{' above 0' if above else ''}")
    return value


def _is_verdict(path: Path) -> bool:
    """Whether a file may be replaced: a sweep's plan.json is a .json too."""
    from genrun.comparison.verdict import Verdict
    from genrun.runs.untrusted_json import read_json

    try:
        content = read_json(path, LARGEST_VERDICT)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {one.name for one in fields(Verdict)} <= content.keys()
