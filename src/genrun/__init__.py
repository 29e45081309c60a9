"""genrun: which optimizer, regularization and stopping policy trains a generative model best.

`genrun.train(["model=gan"])` trains and returns a `genrun.Run`. Importing this module imports
nothing heavy; the two names do when they are first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genrun.api import Run, train

__all__ = ["Run", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from genrun import api

        return getattr(api, name)
    raise AttributeError(f"module 'genrun' has no attribute {name!r}")
