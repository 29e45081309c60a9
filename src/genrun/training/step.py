"""One training step: every player minimizes its own loss over its own parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.game import Updates
from genrun.core.layers import frozen_statistics
from genrun.core.noise import fold_in
from genrun.core.others import others_followed
from genrun.core.protocols import Conditional, Data, FollowsStep, Model
from genrun.core.types import Metrics, Player
from genrun.training.closure import step_with_closure, takes_closure
from genrun.training.exchange import Exchange
from genrun.training.hooks import Hooks
from genrun.training.losses import (
    Batch,
    StepSettings,
    loss_of_player,
    named,
    trained_parameters,
)


class TrainingStep:
    """Call with the number of the step, from 1; gives every logged value, left on the device.

    Nothing here waits for the device. A player's loss is differentiated with respect to its own
    parameters only, so no player leaves a gradient in another's network. Who moves when is said
    by `updates`, which are given this as their `Game`; what they remember is in `memory`.
    """

    def __init__(
        self,
        model: Model,
        nets: nn.ModuleDict,
        data: Data,
        optimizers: Mapping[str, torch.optim.Optimizer],
        updates: Updates,
        hooks: Hooks,
        exchange: Exchange | None,
        settings: StepSettings,
    ) -> None:
        self.model = model
        self.nets = nets
        self.data = data
        self.optimizers = optimizers
        self.updates = updates
        self.hooks = hooks
        self.exchange = exchange  # None: there is one process
        self.settings = settings
        self.players = model.players()
        self.batches = updates.batches(self.players)
        self._followers = [m for m in nets.modules() if isinstance(m, FollowsStep)]
        self._parameters = {p.name: trained_parameters(nets, p) for p in self.players}
        self._weights: dict[str, list[Tensor]] = {n: [*p] for n, p in self._parameters.items()}
        self.memory = {name: updates.start(own) for name, own in self._parameters.items()}
        everything = set(nets.parameters())
        self._inputs = {  # None: all leaves, for which autograd needs no search
            name: None if everything == set(own) else own for name, own in self._parameters.items()
        }
        self._searching = {n for n, o in optimizers.items() if takes_closure(type(o))}
        self._losses = {
            player.name: loss_of_player(player, model, nets, hooks.penalties, settings)
            for player in self.players
        }
        index = 0 if settings.share is None else settings.share.index
        self._own_seed = fold_in(index) if index else 0  # layers of others draw for a share each
        self._step, self._seed = 0, 0
        self._taken: dict[int, Batch] = {}  # of this step's batches, those that were asked for
        self._copies: dict[tuple[str, str], list[Tensor]] = {}

    @property
    def examples_a_step(self) -> int:
        return self.batches * self.data.batch_size

    @property
    def compiled(self) -> bool:
        return self.settings.compile

    @property
    def moves_gradients(self) -> bool:
        return bool(self.hooks.gradient_points)

    def uncompiled_copy(self) -> TrainingStep:
        """Trains copies of networks and optimizers, on the same data; this one is left alone."""
        parts = (self.model, self.nets, self.optimizers, self.hooks, self.exchange)
        model, nets, optimizers, hooks, exchange = copy.deepcopy(parts)  # at once: they share
        settings = replace(self.settings, compile=False)
        return TrainingStep(
            model, nets, self.data, optimizers, self.updates, hooks, exchange, settings
        )

    def __call__(self, step: int) -> Metrics:
        self.begin(step)
        outputs = self.updates.step(self, step, self.memory)
        self._taken.clear()
        return outputs

    def begin(self, step: int) -> None:
        """Whatever is asked of the game from now on is of this step."""
        self._step, self._seed = step, fold_in(self.settings.seed, "step", step)
        self._taken.clear()
        self._seed_layers_of_others(self._seed)
        for follower in self._followers:
            follower.begin_step(step)

    def check(self) -> None:
        """Raises `ConfigError` where the players cannot move as `updates` want them to."""
        self.begin(1)
        with frozen_statistics(self.nets):
            self.updates.check(self)
        self._taken.clear()

    def batch(self, index: int) -> Batch:
        """Training batch `index`, as the model asks for it."""
        labels = self.data.labels(index) if isinstance(self.model, Conditional) else None
        return self.data.batch(index), labels

    # What a `Game` offers

    def weights(self, player: Player) -> list[Tensor]:
        return self._weights[player.name]

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        key = (player.name, use)
        if key not in self._copies:
            self._copies[key] = [torch.empty_like(p.detach()) for p in self.weights(player)]
        return self._copies[key]

    def take_turn(self, player: Player, turn: int) -> Metrics:
        if player.name in self._searching:
            return self._search(player, turn)
        outputs = self._differentiate(player, turn)
        self.update(player)
        return outputs

    def differentiate(self, player: Player, turn: int) -> Metrics:
        self._seed_layers_of_others(self._given(player, turn)[1])
        return self._differentiate(player, turn)

    def differentiate_again(self, player: Player, turn: int) -> Metrics:
        with frozen_statistics(self.nets):
            return self.differentiate(player, turn)

    def update(self, player: Player) -> None:
        self.optimizers[player.name].step()
        self._change_weights(player)

    def gradient_graph(self, player: Player, turn: int) -> tuple[Sequence[Tensor], Metrics]:
        batch, base = self._given(player, turn)
        self._seed_layers_of_others(base)
        with others_followed():
            loss, metrics = self._losses[player.name](*batch, base)
        gradients = torch.autograd.grad(
            loss, self.weights(player), create_graph=True, materialize_grads=True
        )
        return gradients, named(player, loss, metrics)

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        return tensors if self.exchange is None else self.exchange.mean(tensors)

    def change_gradient(self, player: Player) -> None:
        if self.exchange is not None:
            self.exchange.change_gradients(self._parameters[player.name])
        for change in self.hooks.gradient_changes:
            change.change_gradients(self._parameters[player.name])

    def _given(self, player: Player, turn: int) -> tuple[Batch, int]:
        """The batch and the base of the noise; players in the same turn see the same images."""
        if turn not in self._taken:
            self._taken[turn] = self.batch((self._step - 1) * self.batches + turn)
        return self._taken[turn], fold_in(self._seed, player.name, turn)

    def _differentiate(self, player: Player, turn: int) -> Metrics:
        batch, base = self._given(player, turn)
        if self.hooks.gradient_points:
            return self._differentiate_nearby(player, batch, base)
        outputs = named(player, *self._gradient(player, batch, base))
        self.change_gradient(player)
        return outputs

    def _differentiate_nearby(self, player: Player, batch: Batch, base: int) -> Metrics:
        """Where the gradients at the weights lead; then the weights are as before, to the bit."""
        self._seed_layers_of_others(base)
        outputs = named(player, *self._gradient(player, batch, base))
        weights, origin = self.weights(player), self.scratch(player, "nearby")
        if self.exchange is not None:
            self.exchange.change_gradients(self._parameters[player.name])
        with torch.no_grad():
            torch._foreach_copy_(origin, weights)
            for point in self.hooks.gradient_points:
                point.move(weights)
        self._seed_layers_of_others(base)
        with frozen_statistics(self.nets):
            self._gradient(player, batch, base)
        with torch.no_grad():
            torch._foreach_copy_(weights, origin)
        self.change_gradient(player)
        return outputs

    def _search(self, player: Player, turn: int) -> Metrics:
        """A turn of an optimizer that evaluates the loss itself, several times."""
        batch, base = self._given(player, turn)

        def gradient() -> tuple[Tensor, Metrics]:
            self._seed_layers_of_others(base)
            return self._gradient(player, batch, base)

        optimizer, buffers = self.optimizers[player.name], list(self.nets.buffers())
        loss, metrics = step_with_closure(optimizer, gradient, buffers)
        self._change_weights(player)
        return named(player, loss, metrics)

    def _gradient(self, player: Player, batch: Batch, base: int) -> tuple[Tensor, Metrics]:
        for parameter in self._parameters[player.name]:
            parameter.grad = None  # before the new one needs its memory
        loss, metrics = self._losses[player.name](*batch, base)
        torch.autograd.backward(loss, inputs=self._inputs[player.name])
        return loss, metrics

    def _change_weights(self, player: Player) -> None:
        for change in self.hooks.weight_changes:
            change.change_weights(self.model, player, self._parameters[player.name])

    def _seed_layers_of_others(self, seed: int) -> None:
        """They draw from the global generators."""
        noise.seed_global_generators(seed ^ self._own_seed, self.settings.device)
