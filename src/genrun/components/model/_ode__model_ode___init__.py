"""Ordinary differential equations dx/ds = velocity(x, s) for a batch, from s = 0 to 1."""

from __future__ import annotations

from genrun.components.model._ode import adaptive
from genrun.components.model._ode__model_ode_fixed import euler, midpoint
from genrun.components.model._ode__model_ode_form import Precision, Solver, Velocity

SOLVERS: dict[str, Solver] = {"euler": euler, "midpoint": midpoint, "adaptive": adaptive}

__all__ = ["SOLVERS", "Precision", "Solver", "Velocity", "adaptive", "euler", "midpoint"]
