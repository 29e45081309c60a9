"""How many modes of a known mixture the samples find (Srivastava et al., 1705.07761)."""

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
    """Counts as VEEGAN (section 5.1) and PacGAN (Lin et al., 1712.04086, section 4.1) do.

    A sample is of high quality if it lies within 3 standard deviations of the nearest mode; a mode
    is found if it is the nearest to at least one such sample. The number of samples is that of
    held-out points, 2500 in those papers.
    """

    within: float
    least_samples: int
    modes: Modes | None = None  # of the data, which say them
    higher_is_better = ("modes_found", "high_quality")  # no run is judged by these

    def prepare(self, data: Data) -> ModeCount:
        if data.modes is None:
            raise ConfigError(
                f"metric=modes: {data.name} has no modes to count; data=ring and data=grid have"
            )
        return dataclasses.replace(self, modes=data.modes)

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        """`modes_found`, `modes_missing` and `high_quality`, the share of such samples."""
        assert self.modes is not None
        centres = self.modes.centres.to(samples)
        # not as |a|^2 + |b|^2 - 2ab, in which a distance of 0.01 drowns in float32
        distances = torch.cdist(
            samples.flatten(1), centres, compute_mode="donot_use_mm_for_euclid_dist"
        )
        nearest = distances.min(1)
        good = nearest.values < self.within * self.modes.std
        counts = torch.bincount(nearest.indices[good], minlength=len(centres))
        found = (counts >= self.least_samples).sum()
        values = {
            "modes_found": found,
            "modes_missing": len(centres) - found,
            "high_quality": good.to(samples.dtype).mean(),
        }
        finite = samples.isfinite().all()
        return {name: torch.where(finite, value, torch.nan) for name, value in values.items()}
