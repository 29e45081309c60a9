"""A plugin whose model fails in every way that a job can fail."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch

from genrun.components.model.autoencoder import Autoencoder
from genrun.core.errors import DataDamaged


def segfault() -> None:
    import ctypes

    ctypes.string_at(0)


def fail_once() -> None:
    try:
        open("failed-once", "x").close()
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise DataDamaged("an image is truncated")


HOW: dict[str, Any] = {
    "none": lambda: None,
    "raises": lambda: [][0],
    "refuses": refuse,
    "exits": lambda: sys.exit(0),
    "leaves": lambda: os._exit(3),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": segfault,
    "hangs": lambda: time.sleep(1000),
    "memory": lambda: torch.empty(2**58),
    "once": fail_once,
}


@dataclass(frozen=True)
class Breaking(Autoencoder):
    how: str
    at: int  # the call of the loss that fails

    def __post_init__(self) -> None:
        object.__setattr__(self, "calls", 0)

    def loss(self, player: str, nets: Any, batch: Any, key: Any) -> Any:
        calls = self.__dict__["calls"] + 1
        object.__setattr__(self, "calls", calls)
        if calls == self.at:
            HOW.get(self.how, HOW["none"])()
        value, metrics = super().loss(player, nets, batch, key)
        return value * (torch.nan if self.how == "diverges" and calls >= self.at else 1), metrics
