"""How much of its latent code a model uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrun.core.protocols.model import Encodes

THRESHOLD = 0.01


def active_units(model: Encodes, nets: nn.ModuleDict, images: Sequence[Tensor]) -> dict[str, Any]:
    """The latent dimensions whose posterior mean moves with the image.

    Active is one whose variance over the images is above 0.01 (Burda et al., 1509.00519,
    section 5.1).
    """
    means = torch.cat([model.posterior(nets, part)[0] for part in images]).double()
    variances = means.var(0)
    return {
        "active": int((variances > THRESHOLD).sum()),
        "of": means.shape[1],
        "images": len(means),
        "threshold": THRESHOLD,
    }
