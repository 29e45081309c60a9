"""The modes of a known mixture that samples cover (Srivastava et al., 1705.07761)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.data import Data
from genrun.core.types import Metrics, Modes


@dataclass(frozen=True)
class ModeCount:
    """Modes found and samples of high quality, as in VEEGAN and PacGAN.

    A sample is of high quality if it lies within `within` standard deviations of the nearest mode;
    a mode is found if it is the nearest to at least `least_samples` such samples (VEEGAN, section
    5.1; Lin et al., 1712.04086, section 4.1). There are as many samples as held-out points; those
    papers use 2500.
    """

    within: float
    least_samples: int
    modes: Modes | None = None  # set by `prepare`
    higher_is_better = ("modes_found", "high_quality")  # no run is judged by these

    def prepare(self, data: Data) -> ModeCount:
        if data.modes is None:
            raise ConfigError(
                f"metric=modes: {data.name} has no known modes; use data=ring or data=grid"
            )
        return dataclasses.replace(self, modes=data.modes)

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        """Returns `modes_found`, `modes_missing` and the share of samples of `high_quality`."""
        assert self.modes is not None
        centres = self.modes.centres.to(samples)
        # not as |a|^2 + |b|^2 - 2ab, which rounds a distance of 0.01 away in float32
        distances = torch.cdist(
            samples.flatten(1), centres, compute_mode="donot_use_mm_for_euclid_dist"
        )
        nearest = distances.min(1)
        is_good = nearest.values < self.within * self.modes.std
        counts = torch.bincount(nearest.indices[is_good], minlength=len(centres))
        found = (counts >= self.least_samples).sum()
        values = {
            "modes_found": found,
            "modes_missing": len(centres) - found,
            "high_quality": is_good.to(samples.dtype).mean(),
        }
        finite = samples.isfinite().all()
        return {name: torch.where(finite, value, torch.nan) for name, value in values.items()}
