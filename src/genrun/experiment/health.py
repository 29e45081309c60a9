"""What a run is watched for: from the thresholds in the configuration to state machines."""

from __future__ import annotations

from collections.abc import Sequence

from genrun.core.protocols.model import Adversarial, Model
from genrun.experiment.instantiate import Config
from genrun.training.evaluation import SPREAD
from genrun.training.health import GradientExplosion, HealthMonitor, ThresholdWatch

LATENT = "largest_dimension_kl"  # a held-out value, from models whose latent code can collapse


def build_health(
    settings: Config, model: Model, held_out: Sequence[str], steps_per_epoch: float
) -> HealthMonitor:
    """Watches what this model's rows can show; `held_out` names what its evaluations measure."""
    watches: dict[str, ThresholdWatch] = {}
    if isinstance(model, Adversarial):
        watches["discriminator_overpowers"] = ThresholdWatch(
            value=f"{model.critic}/accuracy",
            above=True,
            limit=settings["overpowering_accuracy"],
            steps=settings["overpowering_steps"],
            rows=1,
            meaning="the discriminator tells nearly every image, and teaches the generator little",
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
    if LATENT in held_out:
        watches["posterior_collapse"] = ThresholdWatch(
            value=f"held_out/{LATENT}",
            above=False,
            limit=settings["posterior_collapse_kl"],
            steps=round(settings["posterior_collapse_epochs"] * steps_per_epoch),
            rows=2,
            meaning="no latent dimension says anything of the image",
        )
    names = ("factor", "rows", "history")
    return HealthMonitor(
        watches, GradientExplosion(**{name: settings[f"explosion_{name}"] for name in names})
    )
