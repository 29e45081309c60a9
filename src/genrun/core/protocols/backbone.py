"""The contract of `conf/backbone`: the architecture of a model's networks."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from genrun.core.types import DataSpec


class Backbone(Protocol):
    """Builds networks of one architecture for the shapes that a model needs.

    A model's `build_networks` calls the methods while a run is built; each call returns a new
    network with its own weights. All raise `ValueError` if the architecture does not fit the
    data; genrun puts the choice's name before the message.

    Hidden layers should be `core.layers.HiddenLayer`s, which is where regularizations such as
    dropout and normalization are inserted. A backbone that has no hidden layers works, but these
    regularizations refuse it. `components/backbone/mlp.py` is the smallest example; a backbone
    that supports only some models may raise `ValueError` in the other methods.
    """

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        """Returns a network from images (batch, channels, height, width) to (batch, outputs).

        With `outputs=None` its output is the last hidden layer, flattened to (batch, features).
        Encoders, discriminators and critics are built with it.
        """

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        """Returns a network from (batch, inputs) to logits (batch, channels, height, width).

        With `inputs=None` its input has the size of the output of `build_encoder(spec, None)`.
        Models apply the output function, such as a sigmoid, themselves.
        """

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        """Returns a network from images and conditions to values of the images' shape.

        It is called with two arguments, (batch, channels, height, width) and (batch, conditions);
        a condition is, for instance, an embedding of the noise level or of the time.
        """
