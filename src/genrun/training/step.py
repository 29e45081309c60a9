"""One training step: every player in turn minimizes its own loss over its own parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key, fold_in
from genrun.core.protocols import Data, GradientChange, Model, Penalty
from genrun.core.types import Metrics, Player

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Metrics]]


@dataclass(frozen=True)
class StepSettings:
    """How losses are computed, beyond what they are."""

    seed: int
    device: torch.device
    autocast: torch.dtype | None  # None: everything in the parameters' own precision
    compile: bool


class TrainingStep:
    """Call with the number of the step, from 1; gives every logged value, left on the device.

    Nothing here waits for the device. A player's gradient is taken with respect to its own
    parameters only, so no player leaves a gradient in another's network.
    """

    def __init__(
        self,
        model: Model,
        nets: nn.ModuleDict,
        data: Data,
        optimizers: Mapping[str, torch.optim.Optimizer],
        penalties: Mapping[str, Penalty],
        gradient_changes: Sequence[GradientChange],
        settings: StepSettings,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.optimizers = optimizers
        self.penalties = penalties
        self.gradient_changes = gradient_changes
        self.settings = settings
        self.players = model.players()
        self.turns = max(player.turns for player in self.players)
        self._parameters = {p.name: trained_parameters(nets, p) for p in self.players}
        self._losses = {player.name: self._loss_of(player) for player in self.players}

    @property
    def examples_a_step(self) -> int:
        return self.turns * self.data.batch_size

    def __call__(self, step: int) -> Metrics:
        seed = fold_in(self.settings.seed, "step", step)
        noise.seed_global_generators(seed, self.settings.device)
        outputs: Metrics = {}
        batches: dict[int, Tensor] = {}
        for player in self.players:
            for turn in range(player.turns):
                if turn not in batches:  # players in the same turn see the same images
                    batches[turn] = self.data.batch((step - 1) * self.turns + turn)
                key = torch.tensor(fold_in(seed, player.name, turn))
                outputs |= self._turn(player, batches[turn], key)
        return outputs

    def _turn(self, player: Player, batch: Tensor, key: Tensor) -> Metrics:
        parameters = self._parameters[player.name]
        for parameter in parameters:
            parameter.grad = None  # before the new one needs its memory
        loss, metrics = self._losses[player.name](batch, key)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for change in self.gradient_changes:
            change.change_gradients(parameters)
        self.optimizers[player.name].step()
        named = {f"{player.name}/{name}": value.detach() for name, value in metrics.items()}
        return {f"{player.name}/loss": loss.detach(), **named}

    def _loss_of(self, player: Player) -> Loss:
        """The player's whole loss, penalties included, as a function of batch and key."""

        def loss_of(batch: Tensor, base: Tensor) -> tuple[Tensor, Metrics]:
            key = Key(base)
            with self._precision(), noise.layer_keys(key.fold("layers")):
                loss, metrics = self.model.loss(player.name, self.nets, batch, key.fold("loss"))
                for name, term in self.penalties.items():
                    value = term.penalty(self.model, player, self.nets, batch, key.fold(name))
                    if value is not None:
                        loss, metrics = loss + value, metrics | {name: value}
            return loss, metrics

        return torch.compile(loss_of) if self.settings.compile else loss_of

    def _precision(self) -> torch.autocast | nullcontext[None]:
        if self.settings.autocast is None:
            return nullcontext()
        return torch.autocast(self.settings.device.type, self.settings.autocast)


def trained_parameters(nets: nn.ModuleDict, player: Player) -> list[nn.Parameter]:
    """The parameters that the player's optimizer moves."""
    return [parameter for name in player.networks for parameter in nets[name].parameters()]
