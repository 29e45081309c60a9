"""Everything that changes while one experiment trains, and its form on disk."""

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
    """The moving parts. Their digest is the digest of the experiment's state."""

    nets: nn.ModuleDict
    average: AveragedNetworks
    optimizers: Mapping[str, torch.optim.Optimizer]
    memory: Mapping[str, Memory]  # of the updates, by player
    schedules: Mapping[str, Schedule]
    stoppers: Mapping[str, Stopper]
    gradient_norm_meter: GradientNorms
    health: HealthMonitor
    step: int = 0
    best: Best | None = None
    stop_reason: str = ""  # why a stopping policy ended the run at this step
    loss_buffer: LossBuffer = field(default_factory=LossBuffer)
    stopper_states: dict[str, State] = field(default_factory=dict)
    gradient_norms: dict[str, float] = field(default_factory=dict)  # as `check` found them
    _checked: int = -1

    def __post_init__(self) -> None:
        self.stopper_states = {name: s.start() for name, s in self.stoppers.items()}

    def observe(self, report: StepReport) -> str | None:
        """Lets every stopping policy see the report; the first reason to stop, or None."""
        reasons = []
        for name, stopper in self.stoppers.items():
            state, reason = stopper.observe(self.stopper_states[name], report)
            self.stopper_states[name] = state
            reasons.append(reason)
        return next((reason for reason in reasons if reason is not None), None)

    def check(self) -> None:
        """Raises `Diverged` naming the first pending loss, gradient or weight that is not finite.

        Called before anything is evaluated or written; only a step's first call does the work. The
        optimizers' state, twice the size, waits for `save`: a NaN in it is in the weights a step
        later, and nothing is evaluated from it.
        """
        if self._checked != self.step:
            self.loss_buffer.check()
            self.gradient_norms = self.gradient_norm_meter.compute(self.step)
            check_finite(self._weights(), self.step)
            self._checked = self.step

    def save(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The state as tensors by path and as a record of JSON's types.

        Raises `Diverged` where a tensor or a pending loss is not finite: no checkpoint holds one.
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
        tensors, record["optimizers"] = self._tensors()
        check_finite(tensors, self.step)
        for name, rest in record["optimizers"].items():
            check_finite_numbers(rest["values"], f"optimizer/{name}", self.step)
        return tensors, record

    def check_tensors(self, forms: Mapping[str, Tensor]) -> None:
        """Raises `ValueError` where tensors of these forms cannot be this trial's."""
        check_network_tensors(self.nets, forms, "networks")
        if self.average.is_separate:
            check_network_tensors(self.average.nets, forms, "average")
        for name, optimizer in self.optimizers.items():
            check_state_tensors(optimizer, _below(forms, f"optimizer/{name}"))
        _check_tensors_match(self._remembered(), forms, "updates")

    def _tensors(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Every tensor by its path, and what else the optimizers hold."""
        tensors, rests = self._weights(), {}
        for name, optimizer in self.optimizers.items():
            parts, rests[name] = split_optimizer_state(optimizer.state_dict())
            tensors |= {f"optimizer/{name}/{path}": t for path, t in parts.items()}
        return tensors | self._remembered(), rests

    def _remembered(self) -> dict[str, Tensor]:
        """What the updates keep: `updates/PLAYER/NAME/INDEX`, by the player's weights."""
        return {
            f"updates/{player}/{name}/{index}": tensor
            for player, kept in self.memory.items()
            for name, tensors in kept.items()
            for index, tensor in enumerate(tensors)
        }

    def _weights(self) -> dict[str, Tensor]:
        """The networks' parameters and buffers, and the averaged ones."""
        weights = {f"networks/{name}": t for name, t in _tensors_by_path(self.nets).items()}
        if self.average.is_separate:
            averaged = _tensors_by_path(self.average.nets)
            weights |= {f"average/{name}": t for name, t in averaged.items()}
        return weights

    def restore(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """The inverse of `save`. Raises `ValueError` where the record is of another form."""
        own = json.loads(json.dumps(self.save()[1]))  # tuples as lists, as on disk
        stoppers = {n: s for n, s in record["stoppers"].items() if n in self.stoppers}
        own["stoppers"] = {name: own["stoppers"][name] for name in stoppers}
        check_record_schema(own, {**{key: record[key] for key in own}, "stoppers": stoppers})
        load_networks(self.nets, tensors, "networks")
        if self.average.is_separate:
            load_networks(self.average.nets, tensors, "average")
        for name, optimizer in self.optimizers.items():
            parts, rest = _below(tensors, f"optimizer/{name}"), record["optimizers"][name]
            check_hyperparameters(optimizer, rest["groups"])
            optimizer.load_state_dict(join_optimizer_state(parts, rest))
            check_can_step(optimizer)
        for path, tensor in self._remembered().items():
            tensor.copy_(tensors[path])
        for name, schedule in self.schedules.items():
            schedule.restore(record["schedules"][name])
        self.loss_buffer.restore(**record["window"])
        self.stopper_states |= {  # a policy that a resume brings begins anew
            name: state for name, state in record["stoppers"].items() if name in self.stoppers
        }
        self.stop_reason = record["ended"]
        self.health.states = dict(record["health"])
        self.best = None if record["best"] is None else Best(*record["best"])
        self.step = record["step"]


def check_network_tensors(nets: nn.ModuleDict, forms: Mapping[str, Tensor], kind: str) -> None:
    """Raises `ValueError` where a checkpoint's tensors have other names, shapes or dtypes.

    `forms` may be on the device `meta`: nothing is read of them.
    """
    own = {f"{kind}/{path}": tensor for path, tensor in _tensors_by_path(nets).items()}
    _check_tensors_match(own, forms, kind)


def _check_tensors_match(
    own: Mapping[str, Tensor], forms: Mapping[str, Tensor], kind: str
) -> None:
    given = {path: form for path, form in forms.items() if path.startswith(f"{kind}/")}
    for path in dict.fromkeys([*own, *given]):
        ours, theirs = own.get(path), given.get(path)
        if ours is None or theirs is None:
            raise ValueError(f"{path} is only in the {'checkpoint' if ours is None else 'model'}")
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            raise ValueError(
                f"{path} is {tuple(theirs.shape)} {theirs.dtype}, "
                f"the model's {tuple(ours.shape)} {ours.dtype}"
            )


def load_networks(nets: nn.ModuleDict, tensors: Mapping[str, Tensor], kind: str) -> None:
    """Fills networks from a checkpoint's tensors; `kind` is `networks` or `average`."""
    own = {path.replace("/", ".", 1): tensor for path, tensor in _below(tensors, kind).items()}
    nets.load_state_dict(own)


def _tensors_by_path(nets: nn.ModuleDict) -> dict[str, Tensor]:
    return {name.replace(".", "/", 1): tensor for name, tensor in nets.state_dict().items()}


def _below(tensors: Mapping[str, Tensor], folder: str) -> dict[str, Tensor]:
    prefix = folder + "/"
    return {p.removeprefix(prefix): t for p, t in tensors.items() if p.startswith(prefix)}
