"""Whether the user asked for whole traces, Hydra's own way."""

from __future__ import annotations

import os

FULL_ERRORS = "HYDRA_FULL_ERROR"
_WANTED = os.environ.get(FULL_ERRORS) == "1"  # as it began: `hydra_call` sets it for its own ends


def full_errors_wanted() -> bool:
    return _WANTED
