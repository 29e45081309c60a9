"""One training step: every player in turn minimizes its own loss over its own parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key, fold_in
from genrun.core.protocols import (
    Conditional,
    Data,
    FollowsStep,
    GradientChange,
    Model,
    Penalty,
    WeightChange,
)
from genrun.core.types import Metrics, Player, Share
from genrun.training.closure import step_with_closure, takes_closure

Batch = tuple[Tensor, Tensor | None]  # images, and their labels for a model that asks for them
Loss = Callable[[Tensor, Tensor | None, int], tuple[Tensor, Metrics]]


@dataclass(frozen=True)
class StepSettings:
    """How losses are computed, beyond what they are."""

    seed: int
    device: torch.device
    autocast: torch.dtype | None  # None: everything in the parameters' own precision
    compile: bool
    share: Share | None  # of each batch, where several processes train; None: all of it


class TrainingStep:
    """Call with the number of the step, from 1; gives every logged value, left on the device.

    Nothing here waits for the device. A player's loss is differentiated with respect to its own
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
        weight_changes: Sequence[WeightChange],
        settings: StepSettings,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.optimizers = optimizers
        self.penalties = penalties
        self.gradient_changes = gradient_changes
        self.weight_changes = weight_changes
        self._followers = [m for m in nets.modules() if isinstance(m, FollowsStep)]
        self.settings = settings
        self.players = model.players()
        self.turns = max(player.turns for player in self.players)
        self._parameters = {p.name: trained_parameters(nets, p) for p in self.players}
        everything = set(nets.parameters())
        self._inputs = {  # None: all leaves, for which autograd needs no search
            name: None if everything == set(own) else own for name, own in self._parameters.items()
        }
        self._searching = {n for n, o in optimizers.items() if takes_closure(type(o))}
        self._losses = {player.name: self._loss_of(player) for player in self.players}
        index = 0 if settings.share is None else settings.share.index
        self._own_seed = fold_in(index) if index else 0  # layers of others draw for a share each

    @property
    def examples_a_step(self) -> int:
        return self.turns * self.data.batch_size

    def uncompiled_copy(self) -> TrainingStep:
        """Trains copies of networks and optimizers, on the same data; this one is left alone."""
        parts = (
            self.model, self.nets, self.optimizers, self.penalties, self.gradient_changes
        )  # fmt: skip
        model, nets, optimizers, penalties, changes = copy.deepcopy(parts)  # at once: they share
        settings = replace(self.settings, compile=False)
        return TrainingStep(
            model, nets, self.data, optimizers, penalties, changes, self.weight_changes, settings
        )

    def __call__(self, step: int) -> Metrics:
        seed = fold_in(self.settings.seed, "step", step)
        noise.seed_global_generators(seed ^ self._own_seed, self.settings.device)
        for follower in self._followers:
            follower.begin_step(step)
        outputs: Metrics = {}
        batches: dict[int, Batch] = {}
        for player in self.players:
            for turn in range(player.turns):
                if turn not in batches:  # players in the same turn see the same images
                    batches[turn] = self.batch((step - 1) * self.turns + turn)
                base = fold_in(seed, player.name, turn)
                outputs |= self._turn(player, batches[turn], base)
        return outputs

    def batch(self, index: int) -> Batch:
        """Training batch `index`, as the model asks for it."""
        labels = self.data.labels(index) if isinstance(self.model, Conditional) else None
        return self.data.batch(index), labels

    def _turn(self, player: Player, batch: Batch, base: int) -> Metrics:
        optimizer = self.optimizers[player.name]
        if player.name in self._searching:

            def differentiate() -> tuple[Tensor, Metrics]:
                noise.seed_global_generators(int(base) ^ self._own_seed, self.settings.device)
                return self._differentiate(player, batch, base)

            loss, metrics = step_with_closure(optimizer, differentiate, list(self.nets.buffers()))
        else:
            loss, metrics = self._differentiate(player, batch, base)
            optimizer.step()
        for weight_change in self.weight_changes:
            weight_change.change_weights(self.model, player, self._parameters[player.name])
        named = {f"{player.name}/{name}": value.detach() for name, value in metrics.items()}
        return {f"{player.name}/loss": loss.detach(), **named}

    def _differentiate(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        parameters = self._parameters[player.name]
        for parameter in parameters:
            parameter.grad = None  # before the new one needs its memory
        loss, metrics = self._losses[player.name](*batch, base)
        torch.autograd.backward(loss, inputs=self._inputs[player.name])
        for change in self.gradient_changes:
            change.change_gradients(parameters)
        return loss, metrics

    def _loss_of(self, player: Player) -> Loss:
        """The player's whole loss, penalties included, as a function of batch and key."""

        def loss_of(
            batch: Tensor, labels: Tensor | None, base: int | Tensor
        ) -> tuple[Tensor, Metrics]:
            key, model = Key(base), given(self.model, labels)
            with noise.layer_keys(key, self.settings.share):
                loss, metrics = model.loss(player.name, self.nets, batch, key.fold("loss"))
                for name, term in self.penalties.items():
                    value = term.penalty(model, player, self.nets, batch, key.fold(name))
                    if value is not None:
                        loss, metrics = loss + value, metrics | {name: value}
            return loss, metrics

        autocast, device = self.settings.autocast, self.settings.device.type
        if autocast is not None:
            loss_of = torch.autocast(device, autocast)(loss_of)
        if not self.settings.compile:
            return loss_of
        compiled = torch.compile(loss_of)  # once for all bases, as they come in a tensor
        return lambda batch, labels, base: compiled(batch, labels, torch.tensor(base))


def given(model: Model, labels: Tensor | None) -> Model:
    """The model of images with these labels, for one that asks for labels."""
    return model.given(labels) if isinstance(model, Conditional) and labels is not None else model


def trained_parameters(nets: nn.ModuleDict, player: Player) -> list[nn.Parameter]:
    """The parameters that the player's optimizer moves."""
    return [parameter for name in player.networks for parameter in nets[name].parameters()]
