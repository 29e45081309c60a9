"""Muon for matrices (Jordan et al., 2024; Liu et al., 2502.16982), AdamW for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrun.components.optimizer._parameter_groups import parse_rules, partition_parameters

MUON, ADAMW = "Muon", "AdamW"
NAMES = {"muon": MUON, "adamw": ADAMW}


def _check_matrices(parameters: Sequence[nn.Parameter]) -> None:
    """Raises `ValueError` if there is no parameter for Muon, or one that is no matrix."""
    if not parameters:
        raise ValueError(
            "rules: no parameter is left for Muon; matrix:muon selects the weights of linear "
            "layers and convolutions, if there are any"
        )
    if thin := [p for p in parameters if p.ndim < 2]:
        raise ValueError(
            f"rules: Muon updates matrices, and a parameter has {thin[0].ndim} dimensions"
        )


class Muon(torch.optim.Optimizer):
    """One optimizer with two groups, updated by `torch.optim.Muon` and `torch.optim.AdamW`.

    `rules` are texts `KIND:RULE`; the first one that matches a parameter selects its update rule
    (`_parameter_groups.py`). Kernels (out, in, height, width) are updated as matrices (out, in *
    height * width). Schedules change a group's `lr`, and checkpoints contain it and
    `weight_decay`; the other settings are the configuration's.

    Raises `ValueError` if no rule matches a parameter, or none is left for Muon.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        adamw_lr: float | None,
        weight_decay: float,
        momentum: float,
        nesterov: bool,
        ns_steps: int,
        adjust_lr_fn: str,
        betas: tuple[float, float],
        eps: float,
        fused: bool,
        rules: Sequence[str],
        networks: Mapping[str, nn.Module],
    ) -> None:
        parts = partition_parameters(params, parse_rules(rules, list(NAMES)), networks)
        _check_matrices(parts.get("muon", []))
        rates = {"muon": lr, "adamw": lr if adamw_lr is None else adamw_lr}
        groups = [
            {"params": parts[rule], "lr": rates[rule], "rule": NAMES[rule]}
            for rule in NAMES
            if parts.get(rule)
        ]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        placeholder = [nn.Parameter(torch.zeros(1, 1))]  # replaced in `step`
        self._rules: dict[str, torch.optim.Optimizer] = {
            MUON: torch.optim.Muon(
                placeholder,
                lr=lr,
                weight_decay=weight_decay,
                momentum=momentum,
                nesterov=nesterov,
                ns_steps=ns_steps,
                adjust_lr_fn=adjust_lr_fn,
            ),
            ADAMW: torch.optim.AdamW(
                parts.get("adamw") or placeholder,
                lr=lr,
                weight_decay=weight_decay,
                betas=betas,
                eps=eps,
                fused=fused,
            ),
        }

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            optimizer = self._rules[group["rule"]]
            views = {p: _matrix(p) if group["rule"] == MUON else p for p in group["params"]}
            optimizer.param_groups[0] |= {
                "params": list(views.values()),
                "lr": group["lr"],
                "weight_decay": group["weight_decay"],
            }
            # the same dictionaries, so that the state is kept here by the original parameter
            optimizer.state = defaultdict(dict, {v: self.state[p] for p, v in views.items()})
            optimizer.step()
            optimizer.param_groups[0]["params"] = []  # so that no gradient is kept alive
            optimizer.state = defaultdict(dict)
        return loss


def _matrix(parameter: Tensor) -> Tensor:
    """Returns the parameter and its gradient as matrices that share their memory."""
    matrix = parameter.detach().view(len(parameter), -1)
    if parameter.grad is not None:
        matrix.grad = parameter.grad.reshape(len(parameter), -1)
    return matrix
