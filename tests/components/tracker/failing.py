"""A user's tracker that fails in a given method and uses the global random generators."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from genrun.core.protocols.tracker import TrackedEnd, TrackedRun

calls: list[str] = []


class Failing:
    folder = "failing"
    appends = False

    def __init__(self, method: str, error: str) -> None:
        self.method = method
        self.error: BaseException = {"RuntimeError": RuntimeError, "SystemExit": SystemExit}[
            error
        ]("it broke\non two lines")
        calls.clear()

    def _called(self, name: str) -> None:
        calls.append(name)
        random.random(), np.random.rand(), torch.rand(3)
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        if name == self.method:
            raise self.error

    def start(self, run: TrackedRun) -> None:
        assert run.folder.is_dir()
        (run.folder / "begun").touch()
        self._called("start")

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        self._called("log_row")

    def log_health(self, event: Mapping[str, Any]) -> None:
        self._called("log_health")

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        self._called("log_pictures")

    def finish(self, end: TrackedEnd) -> None:
        self._called(f"finish {end.status}")
        self._called("finish")
