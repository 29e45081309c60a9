"""Which noise is paired with which image."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from genrun.components.model._noise_coupling import optimal_transport
from genrun.components.model._noise_coupling__model_pairing_independent import independent

Pairing = Callable[[Tensor, Tensor], Tensor]
"""From noise and images, (batch, ...) each, to the noise in the images' order."""

PAIRINGS: dict[str, Pairing] = {
    "independent": independent,
    "optimal_transport": optimal_transport,
}
