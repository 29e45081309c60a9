"""Everything that changes while one experiment trains, and how a checkpoint represents it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genrun.core.protocols.stopping import Stopper
from genrun.core.protocols.updates import Memory
from genrun.core.types import State, StepReport
from genrun.training.finite import GradientNorms, check_finite, check_finite_numbers
from genrun.training.health import HealthMonitor
from genrun.training.loss_buffer import LossBuffer
from genrun.training.lr_schedule import Schedule
from genrun.training.optimizers.state_dict import (
    check_can_step,
    check_hyperparameters,
    check_state_tensors,
    join_optimizer_state,
    split_optimizer_state,
)
from genrun.training.state_schema import check_record_schema
from genrun.training.weight_averaging import AveragedNetworks


@dataclass
class Best:
    """The best evaluation so far; lower is better."""

    step: int
    value: float


@dataclass
class TrainingState:
    """The networks, the optimizers and all other state that a checkpoint holds."""

    nets: nn.ModuleDict
    average: AveragedNetworks
    optimizers: Mapping[str, torch.optim.Optimizer]
    memory: Mapping[str, Memory]  # tensors kept by the updates, by player
    schedules: Mapping[str, Schedule]
    stoppers: Mapping[str, Stopper]
    gradient_norm_meter: GradientNorms
    health: HealthMonitor
    step: int = 0
    best: Best | None = None
    stop_reason: str = ""  # why a stopping policy ended the run at this step
    loss_buffer: LossBuffer = field(default_factory=LossBuffer)
    stopper_states: dict[str, State] = field(default_factory=dict)
    gradient_norms: dict[str, float] = field(default_factory=dict)  # computed by `check`
    _checked_step: int = -1

    def __post_init__(self) -> None:
        self.stopper_states = {name: s.start() for name, s in self.stoppers.items()}

    def observe(self, report: StepReport) -> str | None:
        """Passes the report to every stopping policy; returns the first reason to stop."""
        reasons = []
        for name, stopper in self.stoppers.items():
            state, reason = stopper.observe(self.stopper_states[name], report)
            self.stopper_states[name] = state
            reasons.append(reason)
        return next((reason for reason in reasons if reason is not None), None)

    def check(self) -> None:
        """Raises `Diverged` naming the first pending loss, gradient or weight that is not finite.

        Called before anything is evaluated or written; only the first call of a step does the
        work. The optimizers' state, twice as large, is checked by `save` alone: nothing is
        evaluated from it, and a NaN in it reaches the weights one step later.
        """
        if self._checked_step != self.step:
            self.loss_buffer.check()
            self.gradient_norms = self.gradient_norm_meter.compute(self.step)
            check_finite(self._weights_by_path(), self.step)
            self._checked_step = self.step

    def save(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns the state as tensors by path and as a record of JSON's types.

        Raises `Diverged` if a tensor or a pending loss is not finite: no checkpoint holds one.
        """
        record: dict[str, Any] = {
            "step": self.step,
            "best": None if self.best is None else [self.best.step, self.best.value],
            "window": self.loss_buffer.state(),
            "schedules": {name: schedule.state() for name, schedule in self.schedules.items()},
            "stoppers": self.stopper_states,
            "health": self.health.states,
            "ended": self.stop_reason,
        }
        tensors, record["optimizers"] = self._all_by_path()
        check_finite(tensors, self.step)
        for name, rest in record["optimizers"].items():
            check_finite_numbers(rest["values"], f"optimizer/{name}", self.step)
        return tensors, record

    def check_tensors(self, found: Mapping[str, Tensor]) -> None:
        """Raises `ValueError` if names, shapes or dtypes differ from this state's.

        `found` are a checkpoint's tensors, which may be on the device `meta`.
        """
        check_network_tensors(self.nets, found, "networks")
        if self.average.is_separate:
            check_network_tensors(self.average.nets, found, "average")
        for name, optimizer in self.optimizers.items():
            check_state_tensors(optimizer, _strip_prefix(found, f"optimizer/{name}"))
        _check_tensors_match(self._memory_by_path(), found, "updates")

    def _all_by_path(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Every tensor by its path, and the rest of each optimizer's state."""
        tensors, rests = self._weights_by_path(), {}
        for name, optimizer in self.optimizers.items():
            parts, rests[name] = split_optimizer_state(optimizer.state_dict())
            tensors |= {f"optimizer/{name}/{path}": t for path, t in parts.items()}
        return tensors | self._memory_by_path(), rests

    def _memory_by_path(self) -> dict[str, Tensor]:
        """The updates' tensors by path, `updates/PLAYER/NAME/INDEX`, one for each weight."""
        return {
            f"updates/{player}/{name}/{index}": tensor
            for player, memory in self.memory.items()
            for name, tensors in memory.items()
            for index, tensor in enumerate(tensors)
        }

    def _weights_by_path(self) -> dict[str, Tensor]:
        """The networks' parameters and buffers, and the averaged ones."""
        weights = {f"networks/{name}": t for name, t in _networks_by_path(self.nets).items()}
        if self.average.is_separate:
            averaged = _networks_by_path(self.average.nets)
            weights |= {f"average/{name}": t for name, t in averaged.items()}
        return weights

    def restore(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """The inverse of `save`. Raises `ValueError` if the record's schema differs."""
        current = json.loads(json.dumps(self.save()[1]))  # tuples become lists, as on disk
        stoppers = {n: s for n, s in record["stoppers"].items() if n in self.stoppers}
        current["stoppers"] = {name: current["stoppers"][name] for name in stoppers}
        found = {**{key: record[key] for key in current}, "stoppers": stoppers}
        check_record_schema(current, found)
        load_networks(self.nets, tensors, "networks")
        if self.average.is_separate:
            load_networks(self.average.nets, tensors, "average")
        for name, optimizer in self.optimizers.items():
            parts, rest = _strip_prefix(tensors, f"optimizer/{name}"), record["optimizers"][name]
            check_hyperparameters(optimizer, rest["groups"])
            optimizer.load_state_dict(join_optimizer_state(parts, rest))
            check_can_step(optimizer)
        for path, tensor in self._memory_by_path().items():
            tensor.copy_(tensors[path])
        for name, schedule in self.schedules.items():
            schedule.restore(record["schedules"][name])
        self.loss_buffer.restore(**record["window"])
        self.stopper_states |= {  # policies added on resume start anew
            name: state for name, state in record["stoppers"].items() if name in self.stoppers
        }
        self.stop_reason = record["ended"]
        self.health.states = dict(record["health"])
        self.best = None if record["best"] is None else Best(*record["best"])
        self.step = record["step"]


def check_network_tensors(nets: nn.ModuleDict, found: Mapping[str, Tensor], kind: str) -> None:
    """Raises `ValueError` if a checkpoint's tensors have other names, shapes or dtypes.

    `found` may be on the device `meta`: no values are read.
    """
    expected = {f"{kind}/{path}": tensor for path, tensor in _networks_by_path(nets).items()}
    _check_tensors_match(expected, found, kind)


def _check_tensors_match(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], kind: str
) -> None:
    found = {path: tensor for path, tensor in found.items() if path.startswith(f"{kind}/")}
    for path in dict.fromkeys([*expected, *found]):
        ours, theirs = expected.get(path), found.get(path)
        if ours is None or theirs is None:
            raise ValueError(f"{path} is only in the {'checkpoint' if ours is None else 'model'}")
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            raise ValueError(
                f"{path} is {tuple(theirs.shape)} {theirs.dtype}, "
                f"the model's {tuple(ours.shape)} {ours.dtype}"
            )


def load_networks(nets: nn.ModuleDict, tensors: Mapping[str, Tensor], kind: str) -> None:
    """Loads networks from a checkpoint's tensors; `kind` is `networks` or `average`."""
    found = _strip_prefix(tensors, kind)
    nets.load_state_dict({path.replace("/", ".", 1): t for path, t in found.items()})


def _networks_by_path(nets: nn.ModuleDict) -> dict[str, Tensor]:
    return {name.replace(".", "/", 1): tensor for name, tensor in nets.state_dict().items()}


def _strip_prefix(tensors: Mapping[str, Tensor], folder: str) -> dict[str, Tensor]:
    prefix = folder + "/"
    return {p.removeprefix(prefix): t for p, t in tensors.items() if p.startswith(prefix)}
