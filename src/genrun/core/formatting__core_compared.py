"""In words, what a comparison of samples with held-out images was of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def comparison_text(described: Mapping[str, Any]) -> str:
    """Of how many samples each metric is, in what features; as `Comparison.describe` has it."""
    alike: dict[str, list[str]] = {}
    for name, metric in described["metrics"].items():
        of = f" in {described['features']}" if metric["features"] else ""
        counts = f"{metric['samples']} samples and {metric['held_out']} held-out images"
        alike.setdefault(f"of {counts}{of}", []).append(name)
    return "; ".join(f"{', '.join(names)} {what}" for what, names in alike.items())
