"""A player's gradient: of its whole loss, by its own weights, changed as is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import fold_in
from genrun.core.opponents import opponents_with_grad
from genrun.core.types import Metrics, Player
from genrun.training.distributed.gradient_sync import GradientSync
from genrun.training.hooks import RegularizationHooks
from genrun.training.loss import Batch, Loss, StepSettings


class PlayerGradients:
    """A player's loss is differentiated with respect to its own parameters only.

    So no player leaves a gradient in another's network. `base` is that of the noise's key.
    """

    def __init__(
        self,
        nets: nn.ModuleDict,
        losses: Mapping[str, Loss],
        parameters: Mapping[str, list[nn.Parameter]],
        hooks: RegularizationHooks,
        gradient_sync: GradientSync | None,
        settings: StepSettings,
    ) -> None:
        self.parameters = parameters
        self.losses = losses
        self._nets = nets
        self._hooks = hooks
        self._gradient_sync = gradient_sync
        self._device = settings.device
        everything = set(nets.parameters())
        self._inputs = {  # None: all leaves, for which autograd needs no search
            name: None if everything == set(own) else own for name, own in parameters.items()
        }
        index = 0 if settings.shard is None else settings.shard.index
        self._own_seed = fold_in(index) if index else 0  # layers of others draw for a share each
        self._scratch: dict[tuple[str, str], list[Tensor]] = {}

    def compute(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        """Leaves the gradient that is to be used; the loss and its values are at the weights."""
        if self._hooks.gradient_points:
            self.seed_third_party_layers(base)
        outputs = self.backward(player, batch, base)
        if self._hooks.gradient_points:
            self._move(player, batch, base)
        self.apply_changes(player)
        return outputs

    def backward(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        """Leaves the gradient as it is."""
        for parameter in self.parameters[player.name]:
            parameter.grad = None  # before the new one needs its memory
        loss, metrics = self.losses[player.name](*batch, base)
        torch.autograd.backward(loss, inputs=self._inputs[player.name])
        return loss, metrics

    def with_graph(
        self, player: Player, batch: Batch, base: int
    ) -> tuple[Sequence[Tensor], Tensor, Metrics]:
        """The gradient as a function of everybody's weights, the loss and its values."""
        with opponents_with_grad():
            loss, metrics = self.losses[player.name](*batch, base)
        parameters = self.parameters[player.name]
        found = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
        return found, loss, metrics

    def apply_changes(self, player: Player) -> None:
        """What processes and regularizations make of the gradient that was left."""
        parameters = self.parameters[player.name]
        if self._gradient_sync is not None:
            self._gradient_sync.average_gradients(parameters)
        for change in self._hooks.gradient_changes:
            change.change_gradients(parameters)

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        """Memory like the player's weights, the same at every call."""
        key = (player.name, use)
        if key not in self._scratch:
            own = self.parameters[player.name]
            self._scratch[key] = [torch.empty_like(parameter.detach()) for parameter in own]
        return self._scratch[key]

    @contextmanager
    def preserved_buffers(self) -> Iterator[None]:
        """What follows the inputs (BatchNorm's statistics) is afterwards as it was before."""
        buffers = list(self._nets.buffers())
        before = [buffer.clone() for buffer in buffers]
        yield
        if buffers:
            with torch.no_grad():
                torch._foreach_copy_(buffers, before)

    def seed_third_party_layers(self, seed: int) -> None:
        """They draw from the global generators."""
        noise.seed_global_generators(seed ^ self._own_seed, self._device)

    def _move(self, player: Player, batch: Batch, base: int) -> None:
        """To where the one at the weights leads; then the weights are as before, to the bit."""
        weights: list[Tensor] = [*self.parameters[player.name]]
        origin = self.scratch(player, "origin of a moved gradient")
        if self._gradient_sync is not None:
            self._gradient_sync.average_gradients(self.parameters[player.name])
        with torch.no_grad():
            torch._foreach_copy_(origin, weights)
            for point in self._hooks.gradient_points:
                point.move_weights(weights)
        self.seed_third_party_layers(base)
        with self.preserved_buffers():
            self.backward(player, batch, base)
        with torch.no_grad():
            torch._foreach_copy_(weights, origin)
