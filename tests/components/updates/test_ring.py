"""On eight Gaussians in a ring, all modes are found with each update rule."""

from __future__ import annotations

from pathlib import Path

import pytest

import genrun


@pytest.mark.slow
@pytest.mark.parametrize("updates", ["extragradient", "optimistic", "lookahead"])
def test_all_modes_are_found(
    updates: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simultaneous steps bring 8 % of the samples to a mode in as many, the others 13 to 34 %."""
    monkeypatch.chdir(tmp_path)
    words = ["experiment=ring", f"updates={updates}", "steps=1000", "evaluate_every=1000"]
    run = genrun.train([*words, "runtime.threads=1"], quiet=True)
    assert run.metrics["held_out/modes_found"][-1] == 8
    assert run.metrics["held_out/high_quality"][-1] > 0.1
