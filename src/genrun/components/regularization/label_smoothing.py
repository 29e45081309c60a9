"""One-sided label smoothing (Salimans et al., 1606.03498, section 3.4)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from genrun.core.errors import ConfigError
from genrun.core.protocols.model import Model


@dataclass(frozen=True)
class LabelSmoothing:
    """Sets the discriminator's target for real images to 1 - smoothing; for generated it is 0."""

    smoothing: float

    def change_model(self, model: Model) -> Model:
        if not hasattr(model, "real_target") or not dataclasses.is_dataclass(model):
            raise ConfigError(
                "regularization=label_smoothing needs a model with a target for real images, "
                f"e.g. model=gan; {type(model).__name__} has none"
            )
        changed: Model = dataclasses.replace(model, real_target=1 - self.smoothing)
        return changed
