"""What a choice of `conf/backbone` provides."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from genrun.core.types import DataSpec


class Backbone(Protocol):
    """Builds the bodies of networks: encoders read images, decoders write them, denoisers do both.

    Raises `ValueError` where it cannot be built for such images.
    """

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        """Images (batch, channels, height, width) to (batch, outputs).

        With `outputs=None` the features of the last hidden layer, flat, are the output.
        """

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        """(batch, inputs) to image logits (batch, channels, height, width).

        With `inputs=None` it takes what `encoder(spec, None)` gives.
        """

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        """Images and what is known of them, (batch, conditions), to values of the images' shape.

        Called with two arguments, (batch, channels, height, width) and (batch, conditions).
        """
