"""Which settings of a schedule reach to the run's end where they are null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TO_THE_END = ("T_max", "total_iters")  # null means: as many steps as are left after warm-up


def to_the_end(schedule: Mapping[str, Any]) -> str | None:
    """The key by which a schedule is laid out to the run's end; None where it is not."""
    return next((key for key in TO_THE_END if schedule.get(key, 0) is None), None)
