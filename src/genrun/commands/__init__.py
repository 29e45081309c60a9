"""The verbs of the command line, each a module of the same name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

VERBS = (
    "resume", "sample", "evaluate", "show", "list", "compare", "prove", "replay", "report",
)  # fmt: skip


def run(verb: str, words: Sequence[str]) -> int:
    """Runs a verb, or prints its usage, and returns the exit code."""
    module = importlib.import_module(f"genrun.commands.{verb}")
    if any(word in ("-h", "--help") for word in words):
        print(module.USAGE)
        return 0
    code: int = module.run(words)
    return code
