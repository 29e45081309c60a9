"""Ordinary differential equations dx/ds = velocity(x, s) for a batch, from s = 0 to 1."""

from __future__ import annotations

from genrun.model.ode.adaptive import adaptive
from genrun.model.ode.fixed import euler, midpoint
from genrun.model.ode.form import Precision, Solver, Velocity

SOLVERS: dict[str, Solver] = {"euler": euler, "midpoint": midpoint, "adaptive": adaptive}

__all__ = ["SOLVERS", "Precision", "Solver", "Velocity", "adaptive", "euler", "midpoint"]
