"""Facts for a person, in words that several rooms use. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.core.usage import Spent


def shown_updates(updates: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What run.json has under `updates`, for a person."""
    return "; ".join(
        f"{player} "
        + ", ".join(f"{m['rule']} {m['tensors']} tensors {m['parameters']:,}" for m in moved)
        for player, moved in updates.items()
    )


def shown_compute(spent: Spent) -> list[str]:
    """FLOPs, peak memory and energy for a person, those that are known."""
    found = []
    if spent.flops is not None:
        found.append(f"{spent.flops:.4g} FLOPs of training")
    if spent.host_bytes is not None:
        found.append(f"{shown_bytes(spent.host_bytes)} of memory at most")
    if spent.device_bytes is not None:
        found.append(f"{shown_bytes(spent.device_bytes)} of the GPU's at most")
    if spent.joules is not None:
        found.append(f"{spent.joules:.4g} J")
    return found


def shown_bytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
