"""Prechelt's criteria against tables computed by hand from his definitions."""

from __future__ import annotations

import pytest

from genrun.components.stopping.generalization_loss import GeneralizationLoss
from genrun.components.stopping.progress_quotient import ProgressQuotient
from genrun.components.stopping.up_strips import UpStrips
from genrun.core.errors import ConfigError
from genrun.core.protocols.stopping import Stopper
from genrun.core.types import StepReport

Row = tuple[float | None, float | None]  # the held-out value and the training loss of a row


def stops_at(stopper: Stopper, rows: list[Row], every: int = 1) -> int | None:
    """The row, from 0, at which it stops; a row each `every` steps."""
    state = stopper.start()
    for number, (value, loss) in enumerate(rows):
        metrics = {} if value is None else {"m": value}
        losses = {} if loss is None else {"p/loss": loss}
        state, reason = stopper.observe(state, StepReport(number * every, 0, 0.0, metrics, losses))
        if reason:
            return number
        state, reason = stopper.observe(state, StepReport(number * every + 1, 0, 0.0))
        assert reason is None, "steps without a row change nothing"
    return None


@pytest.mark.parametrize(
    ("threshold", "values", "expected"),
    [
        (25.0, [4.0, 2.0, 2.5], None),  # GL = 25 %, which is not over 25
        (5.0, [4.0, 2.0, 2.2], 2),  # 10 %
        (5.0, [2.0, 2.05, 2.09, 1.0, 1.04, 1.06], 5),  # 6 % over the new best
        (0.0, [2.0, 2.0, 1.9, 1.9000001], 3),
        (5.0, [2.0, None, None, 3.0], 3),
    ],
)
def test_generalization_loss(
    threshold: float, values: list[float | None], expected: int | None
) -> None:
    stopper = GeneralizationLoss(threshold, "m")
    assert stops_at(stopper, [(value, None) for value in values]) == expected


@pytest.mark.parametrize("value", [0.0, -3.2])
def test_values_that_are_not_above_zero_are_refused(value: float) -> None:
    message = rf"generalization_loss: held_out/m was {value:g} at step 2; the policy needs values"
    with pytest.raises(ConfigError, match=message):
        stops_at(GeneralizationLoss(5.0, "m"), [(4.0, None), (2.0, None), (value, None)])
    message = rf"progress_quotient: held_out/m was {value:g} at step 0"
    with pytest.raises(ConfigError, match=message):
        stops_at(ProgressQuotient(1.0, 2, "m", "p"), [(value, None)])
    message = rf"progress_quotient: p/loss was {value:g} at step 1"
    with pytest.raises(ConfigError, match=message):
        stops_at(ProgressQuotient(1.0, 2, "m", "p"), [(2.0, None), (1.0, value)])


STRIPS: list[Row] = [  # strips of two evaluations; GL in percent and P in per mille at their ends
    (9.0, None),
    (5.0, 4.0),
    (5.5, 2.0),  # GL = 10, P = 1000 (6 / 4 - 1) = 500: 0.02
    (5.0, 1.0),
    (6.0, 1.5),  # GL = 20, P = 1000 (2.5 / 2 - 1) = 250: 0.08
    (5.0, 1.0),
    (5.25, 1.0),  # GL = 5, P = 0
]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.019, 2), (0.021, 4), (0.079, 4), (0.081, 6), (1e9, 6)]
)
def test_progress_quotient(threshold: float, expected: int) -> None:
    assert stops_at(ProgressQuotient(threshold, 2, "m", "p"), STRIPS) == expected


def test_progress_quotient_stops_only_at_the_ends_of_strips_and_only_above_the_best() -> None:
    at_the_best: list[Row] = [(9.0, None), (5.0, 1.0), (5.0, 1.0), (5.0, 1.0), (5.0, 1.0)]
    assert stops_at(ProgressQuotient(0.0, 2, "m", "p"), at_the_best) is None
    rising: list[Row] = [(1.0, None), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]
    assert stops_at(ProgressQuotient(0.0, 3, "m", "p"), rising) == 3


def test_training_loss_is_the_mean_over_all_steps_between_two_evaluations() -> None:
    """Rows of 3 steps and of 1: (3 * 6 + 1 * 2) / 4 = 5, not (6 + 2) / 2 = 4."""
    stopper, state = ProgressQuotient(1.0, 2, "m", "p"), ProgressQuotient(1.0, 2, "m", "p").start()
    for step, value, loss in ((100, 2.0, 50.0), (103, None, 6.0), (104, 1.0, 2.0)):
        metrics = {} if value is None else {"m": value}
        report = StepReport(step, 0, 0.0, metrics, {"p/loss": loss, "q/loss": 1e6})
        state, _ = stopper.observe(state, report)
    assert state["strip"] == [5.0]
    state, reason = stopper.observe(state, StepReport(108, 0, 0.0, {"m": 2.0}, {"p/loss": 4.0}))
    # GL = 100 %, P = 1000 (4.5 / 4 - 1) = 125 per mille
    assert reason is None
    assert state["quotient"] == pytest.approx(100 / 125)


def test_a_log_without_the_players_loss_is_refused() -> None:
    with pytest.raises(ConfigError, match="no p/loss was logged before step 1"):
        stops_at(ProgressQuotient(1.0, 2, "m", "p"), [(2.0, None), (1.0, None)])


def test_a_strip_of_one_has_no_progress() -> None:
    with pytest.raises(ValueError, match="strip=1: must be at least 2"):
        ProgressQuotient(1.0, 1, "m", "p")


@pytest.mark.parametrize(
    ("strips", "strip", "values", "expected"),
    [
        (1, 1, [3, 2, 2, 2.1], 3),  # equal is no rise
        (2, 1, [3, 4, 3.5, 4, 5], 4),  # rises in a row
        (1, 2, [3, 9, 2, 1, 2.5], 4),  # ends: 3, 2, 2.5; values between them do not matter
        (2, 2, [-3, 0, -2, 0, -1.5], 4),  # of any sign
        (3, 2, [3, 0, 4, 0, 5, 0, 4.9, 0, 5, 0, 6, 0, 7], 12),  # counts again after 4.9
        (2, 2, [3, None, 0, 4, None, 0, 5], 6),
        (2, 2, [3, 0, 4, 0], None),
    ],
)
def test_up_strips(
    strips: int, strip: int, values: list[float | None], expected: int | None
) -> None:
    rows: list[Row] = [(value, None) for value in values]
    assert stops_at(UpStrips(strips, strip, "m"), rows) == expected
