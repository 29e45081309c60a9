"""`genrun compare`: which contestant is best, at what compute, with what confidence."""

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

if TYPE_CHECKING:  # numpy, not needed to report a wrong argument
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
    "  cost, and warnings. at= is the budget (by default the least that a contestant spent),\n"
    "  difference= the smallest difference that matters. out= writes all numbers."
)


def run(words: Sequence[str]) -> int:
    """Prints the verdict, and writes it to `out` if set."""
    folders, settings = parse_folders_and_settings(USAGE, words)
    settings = merge_settings("compare", settings, DEFAULTS)
    options, out = parse_options(settings), None
    if settings["out"]:
        verdicts = "verdict of genrun compare"
        out = check_output_path(Path(settings["out"]), (".json",), _is_verdict, verdicts)

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


def parse_options(settings: Mapping[str, str]) -> CompareOptions:
    """Returns the options of a comparison. Raises `ConfigError` if a setting is invalid."""
    from genrun.comparison.options import CompareOptions

    for name, allowed in (("budget", BUDGETS), ("split", ("", *SPLITS))):
        if settings[name] not in allowed:
            listing = ", ".join(filter(None, allowed))
            raise ConfigError(f"{name}={settings[name]}: must be one of {listing}")
    numbers = {name: _number(name, settings) for name in ("at", "target", "difference")}
    resamples = parse_integer("resamples", settings["resamples"], LEAST_RESAMPLES)
    if resamples > MOST_RESAMPLES:
        raise ConfigError(f"resamples={resamples}: must be at most {MOST_RESAMPLES}")
    if settings["target"] and settings["baseline"]:
        raise ConfigError("target, baseline: both set the target; leave one of them out")
    return CompareOptions(
        by=tuple(parse_names(settings["by"])),
        metric=settings["metric"] or None,
        budget=settings["budget"],  # type: ignore[arg-type]  # checked above
        baseline=settings["baseline"] or None,
        resamples=resamples,
        split=settings["split"] or None,  # type: ignore[arg-type]  # checked above
        **numbers,
    )


def collect_runs(folders: Sequence[str]) -> Found:
    """Returns the runs in the folders.

    Raises `InputMissing` if a folder does not exist, `CheckpointUnusable` if no run is readable.
    """
    from genrun.results.collect import collect

    found = collect(folders)
    if not found.records:
        why = next(iter(found.damaged.values()))
        more = f"; {len(found.damaged)} are damaged in all" if len(found.damaged) > 1 else ""
        raise CheckpointUnusable(f"{why}{more}")
    return found


def _number(name: str, settings: Mapping[str, str]) -> float | None:
    """Returns a finite number, above 0 except for a target; None if not set."""
    text = settings[name]
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
    """Whether a JSON file is a verdict, which may be replaced."""
    from genrun.comparison.verdict import Verdict
    from genrun.runs.untrusted_json import read_json

    try:
        content = read_json(path, LARGEST_VERDICT)
    except (OSError, ValueError):
        return False
    return (
        isinstance(content, dict) and {field.name for field in fields(Verdict)} <= content.keys()
    )
