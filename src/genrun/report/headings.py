"""The page's titles and sentences, and the verdict's sentences as the page writes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from genrun.comparison.sentences import describe_pairs
from genrun.comparison.verdict import Verdict
from genrun.core.formatting import pluralize
from genrun.report.charts.chart import STYLES
from genrun.report.contestants import PageWorkload
from genrun.results.record import RunRecord

MOST_DAMAGED = 50  # runs that are listed
MOST_KEYS = 3  # of the title


def page_title(verdict: Verdict, workloads: Sequence[PageWorkload]) -> str:
    """`optimizer on model=vae data=digits`."""
    contested = " and ".join(list(dict.fromkeys(verdict.by))[:MOST_KEYS]) or "runs"
    if not workloads:
        return contested
    where = workloads[0].label if len(workloads) == 1 else f"{len(workloads)} workloads"
    return f"{contested} on {where}"


def prefix_title(label: str, title: str) -> str:
    """A figure's title below its workload's label."""
    return f"{label}: {title[:1].lower()}{title[1:]}"


def describe_runs(records: Sequence[RunRecord], verdict: Verdict) -> str:
    """How many runs, contestants and seeds there are, and the days on which runs started."""
    contestants = len({one.label for w in verdict.workloads for one in w.standings})
    seeds = len({run.seed for run in records})
    counts = ", ".join(
        pluralize(count, noun)
        for count, noun in ((len(records), "run"), (contestants, "contestant"), (seeds, "seed"))
    )
    days = sorted({run.started[:10] for run in records if run.started})
    if not days:
        return f"{counts}."
    if len(days) == 1:
        return f"{counts}, started on {days[0]}."
    return f"{counts}, started from {days[0]} to {days[-1]}."


def order_sentences(verdict: Verdict) -> list[str]:
    """The verdict's sentences, that of the best two contestants first."""
    pairs = [text for workload in verdict.workloads for text in describe_pairs(workload)[:1]]
    first = [text for text in verdict.sentences if any(text.endswith(pair) for pair in pairs)][:1]
    return [*first, *(text for text in verdict.sentences if text not in first)]


def capitalize_sentences(texts: Sequence[str], names: Collection[str]) -> list[str]:
    """The texts with a capital and a full stop; `names` stay as they are written."""
    return [_capitalize(text.strip(), names) for text in texts if text.strip()]


def describe_damaged(verdict: Verdict) -> list[str]:
    """Why runs could not be read."""
    return [f"left out: {why}" for why in list(verdict.damaged.values())[:MOST_DAMAGED]]


def describe_omissions(
    workloads: Sequence[PageWorkload], most_drawn: int, most_with_samples: int
) -> list[str]:
    """What the page leaves out because there is too much of it."""
    omissions = []
    if len(workloads) > most_drawn:
        omissions.append(f"charts are drawn of the first {most_drawn} workloads only")
    if len(workloads) > most_with_samples:
        omissions.append(f"samples are shown of the first {most_with_samples} workloads only")
    grey = {c.contestant for w in workloads for c in w.configurations if c.style is None}
    if grey:
        omissions.append(
            f"{pluralize(len(grey), 'contestant')} drawn in grey, as there are {STYLES} colours"
        )
    return omissions


def _capitalize(text: str, names: Collection[str]) -> str:
    first = text.split()[0].rstrip(",:;")
    is_name = first in names or any(not letter.isalpha() and letter != "-" for letter in first)
    sentence = text if is_name else text[0].upper() + text[1:]
    sentence = re.sub("(?<=[0-9]) %", "\N{NO-BREAK SPACE}%", sentence)
    return sentence if sentence[-1] in ".!?:" else sentence + "."
