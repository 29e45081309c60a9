"""A summary as bytes: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from genrun.core.formatting import printable
from genrun.results.summary.configurations import Configuration, spent
from genrun.results.summary.job_result import Result, as_number

# What a spreadsheet takes for a formula at the start of a cell (OWASP, CSV injection), and the
# full-width forms that some read alike.
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
AFTER_WORDS = (
    "monitor", "mean", "deviation", "low", "high", "seeds", "jobs", "failed", "pruned",
    "left", "steps", "examples", "flops", "seconds", "evaluation_seconds", "saving_seconds",
    "peak_memory_bytes", "device_peak_memory_bytes", "energy_joules", "failures",
)  # fmt: skip


def json_bytes(results: Sequence[Result], configurations: Sequence[Configuration]) -> bytes:
    """Jobs in the order of the plan, configurations in that of the table."""
    content = {
        "jobs": [result.row() for result in results],
        "configurations": [configuration.row() for configuration in configurations],
        "spent": spent(results),
    }
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def csv_bytes(configurations: Sequence[Configuration]) -> bytes:
    """A row a configuration, a column for each swept key. UTF-8."""
    keys = list(dict.fromkeys(key for c in configurations for key in c.words))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([cell(name) for name in ("configuration", *keys, *AFTER_WORDS)])
    for configuration in configurations:
        row = configuration.row()
        row["seeds"] = len(configuration.values)
        row["failures"] = "; ".join(f"{f['job']}: {f['reason']}" for f in row["failures"])
        words = [configuration.words.get(key) for key in keys]
        cells = [configuration.label, *words, *(row[name] for name in AFTER_WORDS)]
        writer.writerow([cell(value) for value in cells])
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """Numbers as they are; text on one line that no spreadsheet takes for a formula."""
    if value is None or isinstance(value, int | float):
        return value
    number = as_number(str(value))
    if number is not None:
        return number
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text
