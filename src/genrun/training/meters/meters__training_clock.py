"""Seconds by what they were spent on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds by what they were spent on, earlier parts of a resumed run included."""

    seconds: dict[str, float] = field(
        default_factory=lambda: {"training": 0.0, "evaluation": 0.0, "saving": 0.0}
    )
    _since: float = field(default_factory=time.perf_counter)
    _kind: str = "training"

    def read(self) -> dict[str, float]:
        now = time.perf_counter()
        self.seconds[self._kind] += now - self._since
        self._since = now
        return dict(self.seconds)

    def trained(self) -> float:
        """Seconds of training."""
        return self.read()["training"]

    @contextmanager
    def on(self, kind: str) -> Iterator[None]:
        """Time spent inside counts as `kind`."""
        self.read()
        before, self._kind = self._kind, kind
        try:
            yield
        finally:
            self.read()
            self._kind = before
