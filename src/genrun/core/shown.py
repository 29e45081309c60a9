"""Facts for a person, in words that several rooms use. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def shown_updates(updates: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What run.json has under `updates`, for a person."""
    return "; ".join(
        f"{player} "
        + ", ".join(f"{m['rule']} {m['tensors']} tensors {m['parameters']:,}" for m in moved)
        for player, moved in updates.items()
    )
