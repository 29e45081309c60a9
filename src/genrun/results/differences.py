"""The settings in which runs differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from genrun.results.record import RunRecord


def differing_settings(records: Sequence[RunRecord]) -> list[str]:
    """The settings in which any two runs differ, a missing one being a value too.

    What follows from a choice that differs is left out: where `optimizer` does, a rate that each
    optimizer has one of says nothing more.
    """
    keys = dict.fromkeys(key for run in records for key in run.settings)
    differing = [key for key in keys if count_values(key, records) > 1]
    return [key for key in differing if not _follows(key, config_group(key), differing, records)]


def _follows(key: str, group: str, differing: Sequence[str], records: Sequence[RunRecord]) -> bool:
    if key == group or group not in differing:
        return False
    by_choice: dict[str | None, list[RunRecord]] = defaultdict(list)
    for run in records:
        by_choice[run.settings.get(group)].append(run)
    return all(count_values(key, runs) == 1 for runs in by_choice.values())


def count_values(key: str, records: Iterable[RunRecord]) -> int:
    """Returns the number of different values of a setting; a missing one counts as a value."""
    return len({run.settings.get(key) for run in records})


def config_group(key: str) -> str:
    """`optimizer` of `optimizer.lr`, and of itself."""
    return key.split(".")[0]
