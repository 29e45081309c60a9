"""The interface through which the loop writes rows, pictures and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from genrun.core.types import Picture


class Recorder(Protocol):
    """Receives everything that a run writes while it trains."""

    def write_row(self, row: Mapping[str, float], seconds: Mapping[str, float]) -> None: ...

    def write_health(self, row: Mapping[str, Any]) -> None: ...

    def write_pictures(self, step: int, pictures: Mapping[str, Picture]) -> None: ...

    def write_checkpoint(
        self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], best_step: int | None
    ) -> None: ...


class NullRecorder:
    """The recorder of all ranks but rank 0: writes nothing."""

    def write_row(self, row: Mapping[str, float], seconds: Mapping[str, float]) -> None:
        return None

    def write_health(self, row: Mapping[str, Any]) -> None:
        return None

    def write_pictures(self, step: int, pictures: Mapping[str, Picture]) -> None:
        return None

    def write_checkpoint(
        self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], best_step: int | None
    ) -> None:
        return None
