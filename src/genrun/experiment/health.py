"""Builds the health monitor from the thresholds in the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from genrun.core.protocols.model import Adversarial, Model
from genrun.experiment.instantiate import Config
from genrun.training.evaluation import SPREAD
from genrun.training.health import GradientExplosion, HealthMonitor, ThresholdWatch

LATENT_KL = "largest_dimension_kl"  # measured by models whose latent code can collapse


def build_health(
    settings: Config, model: Model, held_out: Sequence[str], steps_per_epoch: float
) -> HealthMonitor:
    """Returns a monitor of the failures that this model can have.

    `held_out` are the names of the values that its evaluations measure.
    """
    watches: dict[str, ThresholdWatch] = {}
    if isinstance(model, Adversarial):
        watches["discriminator_overpowers"] = ThresholdWatch(
            value=f"{model.critic}/accuracy",
            above=True,
            limit=settings["overpowering_accuracy"],
            steps=settings["overpowering_steps"],
            rows=1,
            meaning="the discriminator is almost always right, so the generator learns little",
        )
    if SPREAD in held_out:
        watches["mode_collapse"] = ThresholdWatch(
            value=f"held_out/{SPREAD}",
            above=False,
            limit=settings["mode_collapse_spread"],
            steps=0,
            rows=settings["mode_collapse_evaluations"],
            meaning="the samples are nearly all the same",
        )
    if LATENT_KL in held_out:
        watches["posterior_collapse"] = ThresholdWatch(
            value=f"held_out/{LATENT_KL}",
            above=False,
            limit=settings["posterior_collapse_kl"],
            steps=round(settings["posterior_collapse_epochs"] * steps_per_epoch),
            rows=2,
            meaning="no latent dimension carries information about the image",
        )
    names = ("factor", "rows", "history")
    return HealthMonitor(
        watches, GradientExplosion(**{name: settings[f"explosion_{name}"] for name in names})
    )
