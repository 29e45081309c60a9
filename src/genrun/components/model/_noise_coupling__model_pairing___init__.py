"""Which noise is paired with which image."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from genrun.model.pairing.independent import independent
from genrun.model.pairing.optimal_transport import optimal_transport

Pairing = Callable[[Tensor, Tensor], Tensor]
"""From noise and images, (batch, ...) each, to the noise in the images' order."""

PAIRINGS: dict[str, Pairing] = {
    "independent": independent,
    "optimal_transport": optimal_transport,
}
