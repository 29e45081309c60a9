"""The buffer of losses between two rows of the log."""

import pytest
import torch

from genrun.core.errors import ConfigError, Diverged
from genrun.training import loss_buffer as module
from genrun.training.finite import check_finite
from genrun.training.loss_buffer import LossBuffer


def outputs(value: float) -> dict[str, torch.Tensor]:
    return {"a/loss": torch.tensor(value), "b/loss": torch.tensor(2 * value)}


def test_a_row_is_the_mean_of_its_steps() -> None:
    buffer = LossBuffer()
    for step in (1, 2, 3):
        buffer.add(step, outputs(float(step)))
    assert buffer.read() == {"a/loss": 2.0, "b/loss": 4.0}
    buffer.add(4, outputs(9.0))
    assert buffer.read() == {"a/loss": 9.0, "b/loss": 18.0}


def test_a_change_of_the_logged_names_is_refused() -> None:
    buffer = LossBuffer()
    buffer.add(1, outputs(1.0))
    with pytest.raises(ConfigError, match="logged a/loss at step 2 and a/loss, b/loss before"):
        buffer.add(2, {"a/loss": torch.tensor(1.0)})


def test_divergence_is_reported_with_its_step() -> None:
    buffer = LossBuffer()
    for step, value in enumerate([1.0, 2.0, float("inf"), float("nan")], start=11):
        buffer.add(step, outputs(value))
    with pytest.raises(Diverged, match="a/loss was inf at step 13"):
        buffer.read()


def test_memory_does_not_grow_between_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_AT_MOST", 10)
    buffer = LossBuffer()
    for step in range(1, 96):
        buffer.add(step, outputs(float(step)))
        assert len(buffer._buffer) == 10
    assert buffer.read()["a/loss"] == 48.0


def test_a_restored_buffer_continues_exactly() -> None:
    values = torch.rand(7).tolist()
    uninterrupted, half, rest = LossBuffer(), LossBuffer(), LossBuffer()
    for step, value in enumerate(values):
        uninterrupted.add(step, outputs(value))
        (half if step < 3 else rest).add(step, outputs(value))
        if step == 2:
            rest.restore(**half.state())  # type: ignore[arg-type]
    assert rest.read() == uninterrupted.read()


def test_check_finite_names_the_tensor() -> None:
    tensors = {"x": torch.ones(3), "count": torch.tensor(3), "y": torch.tensor([1.0, torch.nan])}
    with pytest.raises(Diverged, match="y is not finite at step 5"):
        check_finite(tensors, 5)
