"""The gradient of a player's loss with respect to its own weights, and changes to it."""

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
    """Differentiates each player's loss with respect to that player's parameters only.

    So no player leaves a gradient in another's network. `base` is the base of the noise key.
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
        all_parameters = set(nets.parameters())
        self._inputs = {  # None: all leaves, which spares autograd a search
            name: None if all_parameters == set(own) else own for name, own in parameters.items()
        }
        index = 0 if settings.shard is None else settings.shard.index
        self._rank_seed = fold_in(index) if index else 0  # third-party layers draw for one shard
        self._scratch: dict[tuple[str, str], list[Tensor]] = {}

    def compute(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        """Leaves the final gradient in the weights; returns loss and metrics at the weights."""
        if self._hooks.gradient_points:
            self.seed_third_party_layers(base)
        outputs = self.backward(player, batch, base)
        if self._hooks.gradient_points:
            self._recompute_at_points(player, batch, base)
        self.apply_changes(player)
        return outputs

    def backward(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        """Leaves the unchanged gradient in the weights; returns loss and metrics."""
        for parameter in self.parameters[player.name]:
            parameter.grad = None  # before the new one needs its memory
        loss, metrics = self.losses[player.name](*batch, base)
        torch.autograd.backward(loss, inputs=self._inputs[player.name])
        return loss, metrics

    def with_graph(
        self, player: Player, batch: Batch, base: int
    ) -> tuple[Sequence[Tensor], Tensor, Metrics]:
        """Returns the gradient as a function of all players' weights, the loss and metrics."""
        with opponents_with_grad():
            loss, metrics = self.losses[player.name](*batch, base)
        parameters = self.parameters[player.name]
        found = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
        return found, loss, metrics

    def apply_changes(self, player: Player) -> None:
        """Averages the gradient over the processes, then applies the regularizations' changes."""
        parameters = self.parameters[player.name]
        if self._gradient_sync is not None:
            self._gradient_sync.average_gradients(parameters)
        for change in self._hooks.gradient_changes:
            change.change_gradients(parameters)

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        """Returns buffers shaped like the player's weights, the same ones at every call."""
        key = (player.name, use)
        if key not in self._scratch:
            weights = self.parameters[player.name]
            self._scratch[key] = [torch.empty_like(weight.detach()) for weight in weights]
        return self._scratch[key]

    @contextmanager
    def preserved_buffers(self) -> Iterator[None]:
        """Restores the buffers (BatchNorm's running statistics) on exit."""
        buffers = list(self._nets.buffers())
        before = [buffer.clone() for buffer in buffers]
        yield
        if buffers:
            with torch.no_grad():
                torch._foreach_copy_(buffers, before)

    def seed_third_party_layers(self, seed: int) -> None:
        """Seeds torch's global generators, from which layers outside genrun draw."""
        noise.seed_global_generators(seed ^ self._rank_seed, self._device)

    def _recompute_at_points(self, player: Player, batch: Batch, base: int) -> None:
        """Takes the gradient at the moved weights, then restores the weights to the bit."""
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
