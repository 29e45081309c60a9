"""One training step: every player minimizes its own loss over its own parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from genrun.core.noise import fold_in
from genrun.core.protocols.data import Data
from genrun.core.protocols.model import Conditional, Model
from genrun.core.protocols.regularization import FollowsStep
from genrun.core.protocols.updates import Updates
from genrun.core.types import Metrics, Player
from genrun.training.distributed.gradient_sync import GradientSync
from genrun.training.gradients import PlayerGradients
from genrun.training.hooks import RegularizationHooks
from genrun.training.loss import Batch, StepSettings, player_loss, trained_parameters
from genrun.training.optimizers.closure import step_with_closure, takes_closure
from genrun.training.optimizers.probe import copy_with_state, parameters_of


class TrainingStep:
    """Called with the step's number, from 1; returns every value to log, left on the device.

    Nothing here waits for the device. `updates` decides in which order the players move, with this
    object as its `Game`; the tensors it keeps from step to step are in `memory`, by player.
    """

    def __init__(
        self,
        model: Model,
        nets: nn.ModuleDict,
        data: Data,
        optimizers: Mapping[str, torch.optim.Optimizer],
        updates: Updates,
        hooks: RegularizationHooks,
        gradient_sync: GradientSync | None,
        settings: StepSettings,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.optimizers = optimizers
        self.updates = updates
        self.hooks = hooks
        self.gradient_sync = gradient_sync  # None: there is one process
        self.settings = settings
        self.players = model.players()
        self._is_conditional = isinstance(model, Conditional)
        self.batches = updates.batches(self.players)
        self.is_compiled = settings.compile
        self.has_gradient_points = bool(hooks.gradient_points)
        self._weight_changes = {
            p.name: [c for c in hooks.weight_changes if c.applies_to(model, p)]
            for p in self.players
        }
        self._followers = [m for m in nets.modules() if isinstance(m, FollowsStep)]
        self._closure_players = {n for n, o in optimizers.items() if takes_closure(type(o))}
        losses = {
            p.name: player_loss(model, p, nets, hooks.penalties, settings) for p in self.players
        }
        parameters = {p.name: trained_parameters(nets, p) for p in self.players}
        self._gradients = PlayerGradients(nets, losses, parameters, hooks, gradient_sync, settings)
        self._weights: dict[str, list[Tensor]] = {n: [*p] for n, p in parameters.items()}
        self.memory = {name: updates.start(weights) for name, weights in self._weights.items()}
        self._step, self._seed = 0, 0
        self._batches: dict[int, Batch] = {}  # the batches of this step that were used, by turn

    @property
    def examples_per_step(self) -> int:
        return self.batches * self.data.batch_size

    def uncompiled_copy(self) -> TrainingStep:
        """Returns a step that trains copies of networks and optimizers on the same data."""
        parts = (self.model, self.nets, self.hooks, self.gradient_sync)
        copies: dict[int, Any] = {}
        # in one call, because the parts share tensors
        model, nets, hooks, gradient_sync = copy.deepcopy(parts, copies)
        optimizers = {
            name: copy_with_state(optimizer, [copies[id(p)] for p in parameters_of(optimizer)])
            for name, optimizer in self.optimizers.items()
        }
        settings = replace(self.settings, compile=False)
        return TrainingStep(
            model, nets, self.data, optimizers, self.updates, hooks, gradient_sync, settings
        )

    def __call__(self, step: int) -> Metrics:
        self.begin(step)
        outputs = self.updates.step(self, step, self.memory)
        self._batches.clear()
        return outputs

    def begin(self, step: int) -> None:
        """Sets the step that all following calls belong to."""
        self._step, self._seed = step, fold_in(self.settings.seed, "step", step)
        self._batches.clear()
        self._gradients.seed_third_party_layers(self._seed)
        for follower in self._followers:
            follower.begin_step(step)

    def check(self) -> None:
        """Raises `ConfigError` if `updates` cannot move these players."""
        self.begin(1)
        with self._gradients.preserved_buffers():
            self.updates.check(self)
        self._batches.clear()

    def batch(self, index: int) -> Batch:
        """Training batch `index`, with labels if the model is conditional."""
        labels = self.data.labels(index) if self._is_conditional else None
        return self.data.batch(index), labels

    # The rest implements `Game`.

    def weights(self, player: Player) -> list[Tensor]:
        return self._weights[player.name]

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        return self._gradients.scratch(player, use)

    def take_turn(self, player: Player, turn: int) -> Metrics:
        batch, base = self._batch_and_base(player, turn)
        if player.name in self._closure_players:
            return self._closure_turn(player, batch, base)
        loss, metrics = self._gradients.compute(player, batch, base)
        self.update(player)
        return _with_player_name(player, loss, metrics)

    def differentiate(self, player: Player, turn: int) -> Metrics:
        batch, base = self._batch_and_base(player, turn)
        self._gradients.seed_third_party_layers(base)
        return _with_player_name(player, *self._gradients.compute(player, batch, base))

    def differentiate_again(self, player: Player, turn: int) -> Metrics:
        with self._gradients.preserved_buffers():
            return self.differentiate(player, turn)

    def update(self, player: Player) -> None:
        self.optimizer_step(player)
        self.apply_weight_changes(player)

    def optimizer_step(self, player: Player) -> None:
        self.optimizers[player.name].step()

    def apply_weight_changes(self, player: Player) -> None:
        for change in self._weight_changes[player.name]:
            change.change_weights(self._gradients.parameters[player.name])

    def gradient_graph(self, player: Player, turn: int) -> tuple[Sequence[Tensor], Metrics]:
        batch, base = self._batch_and_base(player, turn)
        self._gradients.seed_third_party_layers(base)
        gradients, loss, metrics = self._gradients.with_graph(player, batch, base)
        return gradients, _with_player_name(player, loss, metrics)

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        return tensors if self.gradient_sync is None else self.gradient_sync.mean(tensors)

    def apply_gradient_changes(self, player: Player) -> None:
        self._gradients.apply_changes(player)

    def _batch_and_base(self, player: Player, turn: int) -> tuple[Batch, int]:
        """The batch and the base of the noise key; the same turn sees the same images."""
        if turn not in self._batches:
            self._batches[turn] = self.batch((self._step - 1) * self.batches + turn)
        return self._batches[turn], fold_in(self._seed, player.name, turn)

    def _closure_turn(self, player: Player, batch: Batch, base: int) -> Metrics:
        """The turn of a player whose optimizer evaluates the loss itself."""

        def evaluate() -> tuple[Tensor, Metrics]:
            self._gradients.seed_third_party_layers(base)
            return self._gradients.backward(player, batch, base)

        optimizer, buffers = self.optimizers[player.name], list(self.nets.buffers())
        loss, metrics = step_with_closure(optimizer, evaluate, buffers)
        self.apply_weight_changes(player)
        return _with_player_name(player, loss, metrics)


def _with_player_name(player: Player, loss: Tensor, metrics: Metrics) -> Metrics:
    named = {f"{player.name}/{name}": value.detach() for name, value in metrics.items()}
    return {f"{player.name}/loss": loss.detach(), **named}
