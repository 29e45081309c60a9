"""Muon for matrices (Jordan et al., 2024; arXiv 2502.16982), AdamW for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genrun.components.optimizer._parameter_groups import partition, read_rules

MUON, ADAMW = "Muon", "AdamW"
NAMES = {"muon": MUON, "adamw": ADAMW}


class Muon(torch.optim.Optimizer):
    """One optimizer of two groups, moved by `torch.optim.Muon` and `torch.optim.AdamW` themselves.

    `rules` are texts `KIND:RULE`, of which the first that matches a parameter says what moves it
    (`genrun.components.optimizer._parameter_groups`). Convolutions' kernels (out, in, height, width) are seen as
    matrices (out, in * height * width). A group's `lr` and `weight_decay` are what a schedule
    moves and a checkpoint holds; the rest is configuration.

    Raises `ValueError` where a parameter is matched by no rule, or Muon is left with none.
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
        parts = partition(params, read_rules(rules, list(NAMES)), networks)
        if not parts.get("muon"):
            raise ValueError(
                "rules: leave Muon nothing to move; a rule matrix:muon gives it the weights of "
                "linear maps and convolutions, where there are any"
            )
        if thin := [p for p in parts["muon"] if p.ndim < 2]:
            raise ValueError(f"rules: give Muon a parameter of {thin[0].ndim} dimensions")
        rates = {"muon": lr, "adamw": lr if adamw_lr is None else adamw_lr}
        groups = [
            {"params": parts[rule], "lr": rates[rule], "rule": NAMES[rule]}
            for rule in NAMES
            if parts.get(rule)
        ]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        stand_in = [nn.Parameter(torch.zeros(1, 1))]  # `step` puts the real ones in its place
        self._rules: dict[str, torch.optim.Optimizer] = {
            MUON: torch.optim.Muon(
                stand_in,
                lr=lr,
                weight_decay=weight_decay,
                momentum=momentum,
                nesterov=nesterov,
                ns_steps=ns_steps,
                adjust_lr_fn=adjust_lr_fn,
            ),
            ADAMW: torch.optim.AdamW(
                parts.get("adamw") or stand_in,
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
            own = self._rules[group["rule"]]
            seen = {p: _matrix(p) if group["rule"] == MUON else p for p in group["params"]}
            own.param_groups[0] |= {
                "params": list(seen.values()),
                "lr": group["lr"],
                "weight_decay": group["weight_decay"],
            }
            # the same dictionaries, so that what a rule keeps is kept here under the parameter
            own.state = defaultdict(dict, {as_seen: self.state[p] for p, as_seen in seen.items()})
            own.step()
            own.param_groups[0]["params"] = []  # nothing here keeps a gradient alive
            own.state = defaultdict(dict)
        return loss


def _matrix(parameter: Tensor) -> Tensor:
    """The parameter and its gradient as matrices over the same memory."""
    matrix = parameter.detach().view(len(parameter), -1)
    if parameter.grad is not None:
        matrix.grad = parameter.grad.reshape(len(parameter), -1)
    return matrix
