"""Improvements by the metric's standard error, and that error itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from genrun.components.stopping.noise_aware import NoiseAware
from genrun.core.errors import ConfigError
from genrun.core.types import StepReport
from genrun.experiment.build import Built
from genrun.training.evaluation import over_images

Make = Callable[..., Built]


@pytest.mark.parametrize(
    ("patience", "standard_errors", "values", "expected"),
    [
        (2, 1.0, [(3, 0.5), (2.6, 0.5), (2.5, 0.5)], 3),  # no fall over 0.5
        (2, 1.0, [(3, 0.5), (2.6, 0.5), (2.4, 0.5), (2.3, 0.5)], None),  # small falls add up
        (2, 2.0, [(3, 0.5), (2.6, 0.5), (2.1, 0.5)], 3),  # two standard errors are 1
        (2, 1.0, [(3, 9.0), (2.6, 0.1), (2.5, 0.2), (2.55, 0.1)], 4),  # the newer value's error
        (1, 0.0, [(3, 0.5), (2.9, 0.5), (2.9, 0.5)], 3),
        (1, 1.0, [(-3, 0.5), (-3.6, 0.5), (-3.7, 0.5)], 3),  # of any sign
    ],
)
def test_noise_aware(
    patience: int,
    standard_errors: float,
    values: list[tuple[float, float]],
    expected: int | None,
) -> None:
    stopper = NoiseAware(patience, standard_errors, "m")
    state, stopped = stopper.start(), None
    for step, (value, error) in enumerate(values, start=1):
        metrics = {"m": value, "m_standard_error": error}
        state, reason = stopper.observe(state, StepReport(step, 0, 0.0, metrics))
        stopped = step if reason and stopped is None else stopped
    assert stopped == expected


def test_a_log_without_the_error_is_refused() -> None:
    stopper = NoiseAware(2, 1.0, "m")
    with pytest.raises(ConfigError, match="held_out/m has no standard error at step 7"):
        stopper.observe(stopper.start(), StepReport(7, 0, 0.0, {"m": 1.0}))


def test_standard_error_of_the_mean() -> None:
    """Of 1, 2, 3, 6: mean 3, s = sqrt(14 / 3), over sqrt(4)."""
    measured = over_images("m", torch.tensor([1.0, 2.0, 3.0, 6.0]))
    assert measured == {
        "m": 3.0,
        "m_standard_error": pytest.approx(math.sqrt(14 / 3) / 2, rel=1e-12),
    }
    assert over_images("m", torch.tensor([[1.0, 5.0], [3.0, 4.0]])) == {"m": 4.5}
    assert over_images("m", torch.tensor([2.0])) == {"m": 2.0}


def test_the_error_is_that_of_all_held_out_images(small: Make) -> None:
    built = small("model=autoencoder")
    measured = built.evaluation.evaluate()
    images = torch.cat(list(built.data.held_out_batches()))
    nets = built.trial.nets.eval()
    each = built.model.evaluate(nets, images, None)["mse"].detach().double()  # type: ignore[arg-type]
    expected = float(((each - each.mean()).square().sum() / 31 / 32).sqrt())
    assert measured["mse_standard_error"] == pytest.approx(expected, rel=1e-5)


def test_metrics_without_an_error_are_refused_at_the_start(small: Make) -> None:
    with pytest.raises(ConfigError, match=r"sliced_wasserstein: has no .*none here"):
        small("model=gan", "stopping=noise_aware")
    words = ["model=vae", "stopping=noise_aware"]
    with pytest.raises(ConfigError, match="metrics that have one: negative_elbo, reconstruction"):
        small(*words, "stopping.noise_aware.monitor=sliced_wasserstein")
    with pytest.raises(ConfigError, match="mse: has no standard error"):
        small("model=autoencoder", "stopping=noise_aware", "data.held_out=1")
    assert small(*words).trial.stoppers["noise_aware"].monitor == "negative_elbo"  # type: ignore[attr-defined]


def test_several_players_need_a_named_one(small: Make) -> None:
    words = ["model=gan", "stopping=progress_quotient"]
    with pytest.raises(ConfigError, match=r"player=null: must be discriminator or generator"):
        small(*words)
    with pytest.raises(ConfigError, match=r"player=vae: must be discriminator or generator"):
        small(*words, "stopping.progress_quotient.player=vae")
    small(*words, "stopping.progress_quotient.player=generator")
    built = small("model=vae", "stopping=progress_quotient")
    assert built.trial.stoppers["progress_quotient"].player == "vae"  # type: ignore[attr-defined]
