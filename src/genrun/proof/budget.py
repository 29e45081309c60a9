"""The training budget that every run of a proof has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genrun.config.groups import find_unset_length
from genrun.core.errors import ConfigError
from genrun.proof.step_cost import StepCost
from genrun.sweeps.search.space import NUMBER

UNITS = ("steps", "seconds", "examples", "flops")
BUDGET = re.compile(rf"({NUMBER})(?:\s+({'|'.join(UNITS)}))?")
MOST = {"steps": 1e9, "seconds": 1e8, "examples": 1e15, "flops": 1e25}
ENDLESS = 10**9  # steps, where seconds end a run
POLICY = "budget"  # in conf/stopping


@dataclass(frozen=True)
class RunBudget:
    """An amount of steps, seconds, examples or FLOPs for each run."""

    amount: float
    unit: str

    def __str__(self) -> str:
        return f"{self.amount:.12g} {self.unit}"

    @property
    def needs_measuring(self) -> bool:
        """Whether the number of steps follows from the cost of a step."""
        return self.unit in ("examples", "flops")


def read_budget(text: str) -> RunBudget:
    """Parses `2000`, `2000 steps`, `60 seconds`, `1e6 examples` or `1e12 flops`.

    Raises `ConfigError` if it is none of these.
    """
    allowed = "must be N, 'N steps', 'N seconds', 'N examples' or 'N flops'"
    matched = BUDGET.fullmatch(text.strip())
    if matched is None:
        raise ConfigError(f"budget={text}: {allowed}")
    amount, unit = float(matched[1]), matched[2] or "steps"
    if not 0 < amount <= MOST[unit] or (unit != "seconds" and amount < 1):
        raise ConfigError(f"budget={text}: {allowed}, N above 0 and at most {MOST[unit]:g}")
    if unit in ("steps", "examples") and not amount.is_integer():
        raise ConfigError(f"budget={text}: must be a whole number of {unit}")
    return RunBudget(amount, unit)


def budget_overrides(
    budget: RunBudget | None, config: Mapping[str, Any], measured: StepCost | None, label: str
) -> list[str]:
    """Returns the overrides that limit a run of `config` to the budget; none without a budget.

    `measured` is the cost of its step, if the budget needs it. Raises `ConfigError` if the budget
    is less than a step, or cannot be kept.
    """
    if budget is None:
        return []
    if budget.unit == "seconds":
        if key := find_unset_length(config["schedule"]):
            raise ConfigError(
                f"budget={budget}: schedule.{key} is null and reaches to the run's last step, "
                f"which is not known if seconds end the run; set schedule.{key}, or give a budget "
                "in steps, examples or flops"
            )
        policies = [name for name in config["stopping"] if name != POLICY]
        listed = f"stopping=[{','.join([*policies, POLICY])}]"
        limit = f"stopping.{POLICY}.seconds={budget.amount!r}"
        return [f"steps={ENDLESS}", "epochs=null", listed, limit]
    return [f"steps={_steps(budget, measured, label)}", "epochs=null"]


def _steps(budget: RunBudget, measured: StepCost | None, label: str) -> int:
    if budget.unit == "steps":
        return int(budget.amount)
    assert measured is not None
    a_step = measured.examples if budget.unit == "examples" else measured.flops
    if a_step is None:
        raise ConfigError(
            f"budget={budget}: the FLOPs of a step of {label} cannot be counted; give a budget in "
            "steps, examples or seconds"
        )
    steps = int(budget.amount // a_step)
    if steps < 1:
        raise ConfigError(
            f"budget={budget}: a single step of {label} takes {a_step:.4g} {budget.unit}"
        )
    if steps > MOST["steps"]:
        raise ConfigError(f"budget={budget}: is more than {MOST['steps']:g} steps of {label}")
    return steps
