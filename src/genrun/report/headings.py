"""The page's own sentences, and those of the verdict as a page has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from genrun.comparison.verdict import Verdict
from genrun.report.charts.chart import STYLES
from genrun.report.contestants import PageWorkload
from genrun.results.record import RunRecord


def under(label: str, title: str) -> str:
    return f"{label}: {title[:1].lower()}{title[1:]}"


def title(verdict: Verdict, workloads: Sequence[PageWorkload]) -> str:
    keys = dict.fromkeys(key.split(".")[0] if "." not in key else key for key in verdict.by)
    contested = " and ".join(list(keys)[:3]) or "runs"
    where = workloads[0].label if len(workloads) == 1 else f"{len(workloads)} workloads"
    return f"{contested} on {where}" if workloads else contested


def about(records: Sequence[RunRecord], verdict: Verdict) -> str:
    contestants = len({one.label for w in verdict.workloads for one in w.standings})
    seeds = len({run.seed for run in records})
    days = sorted({run.started[:10] for run in records if run.started})
    when = ""
    if days:
        when = (
            f", begun on {days[0]}" if days[0] == days[-1] else f", begun {days[0]} to {days[-1]}"
        )
    return (
        f"{len(records)} run{'s' if len(records) != 1 else ''}, {contestants} "
        f"contestant{'s' if contestants != 1 else ''}, {seeds} "
        f"seed{'s' if seeds != 1 else ''}{when}."
    )


def headline_first(verdict: Verdict) -> list[str]:
    """The best two contestants' sentence before all others."""
    pairs = [pair.sentence for one in verdict.workloads for pair in one.pairs[:1]]
    first = [text for text in verdict.sentences if any(text.endswith(own) for own in pairs)][:1]
    return [*first, *(text for text in verdict.sentences if text not in first)]


def sentences(texts: Sequence[str], names: Collection[str]) -> list[str]:
    """With a capital and a full stop; names stay as they are written."""
    return [_sentence(text.strip(), names) for text in texts if text.strip()]


def _sentence(text: str, names: Collection[str]) -> str:
    first = text.split()[0].rstrip(",:;")
    named = first in names or any(not letter.isalpha() and letter != "-" for letter in first)
    begun = text if named else text[0].upper() + text[1:]
    begun = re.sub("(?<=[0-9]) %", "\N{NO-BREAK SPACE}%", begun)
    return begun if begun[-1] in ".!?:" else begun + "."


def damaged(verdict: Verdict) -> list[str]:
    return [f"left out: {why}" for why in list(verdict.damaged.values())[:50]]


def not_drawn(workloads: Sequence[PageWorkload], most: int, most_with_samples: int) -> list[str]:
    found = []
    if len(workloads) > most:
        found.append(f"charts are drawn of the first {most} workloads only")
    if len(workloads) > most_with_samples:
        found.append(f"samples are shown of the first {most_with_samples} workloads only")
    styleless = {m.contestant for s in workloads for m in s.configurations if m.style is None}
    if styleless:
        found.append(
            f"{len(styleless)} contestants are drawn in grey, as there are {STYLES} colours"
        )
    return found
