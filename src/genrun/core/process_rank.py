"""Where this process stands among those that train one run together. Imports no torch."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from genrun.core.errors import STATUS_EXIT_CODES, ConfigError, ProcessLost
from genrun.core.status import RunStatus

OTHERS_FIRST_SECONDS = 10.0  # within which torchrun ends the others once one of them has left


@dataclass(frozen=True)
class ProcessRank:
    """`rank` of `size` processes in all, `local_rank` of `local_world_size` on this machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @classmethod
    def from_environment(cls) -> ProcessRank:
        """What torchrun said; one process where nobody did.

        Raises `ConfigError` where the variables are no numbers that fit each other.
        """
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return cls()
        place = cls(
            rank=_number("RANK", 0),
            world_size=_number("WORLD_SIZE", 1),
            local_rank=_number("LOCAL_RANK", 0),
            local_world_size=_number("LOCAL_WORLD_SIZE", 1),
        )
        if not (
            place.rank < place.world_size
            and place.local_rank < place.local_world_size <= place.world_size
        ):
            raise ConfigError(
                f"RANK={place.rank} WORLD_SIZE={place.world_size} LOCAL_RANK={place.local_rank} "
                f"LOCAL_WORLD_SIZE={place.local_world_size}: these variables do not fit each other; "
                "torchrun sets them"
            )
        if place.world_size > 1 and not {"MASTER_ADDR", "MASTER_PORT"} <= set(os.environ):
            raise ConfigError(
                f"WORLD_SIZE={place.world_size}: MASTER_ADDR and MASTER_PORT are not set, by which "
                "processes find each other; torchrun sets them"
            )
        return place


def _number(name: str, least: int) -> int:
    text = os.environ.get(name, str(least))
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ConfigError(
            f"{name}={text}: must be an integer of at least {least}; torchrun sets it"
        )
    return int(text)


def check_single_process(what: str) -> None:
    """Raises `ConfigError` where several processes were started for what one process does."""
    if ProcessRank.from_environment().world_size > 1:
        raise ConfigError(f"{what}: is done by one process; leave torchrun out")


def wait_for_rank_zero(error: Exception | None = None) -> str:
    """Waits for whom the end of this process should not be the first seen; gives what to call it.

    All processes mostly end for one reason, which rank 0 says, and a lost connection is somebody
    else's end. torchrun stops those that wait here as soon as the other has left, and reports
    that one's exit code; who is still here afterwards has something of its own to say.
    """
    try:
        rank = ProcessRank.from_environment().rank
    except ConfigError:  # which is what is about to be said
        return ""
    if rank > 0 or isinstance(error, ProcessLost):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # is torchrun's, and needs no words
        time.sleep(OTHERS_FIRST_SECONDS)
    return f"process {rank}: " if rank > 0 else ""


def exit_code_for(status: RunStatus) -> int:
    """The exit code of a run that ended so, which rank 0 leaves with first."""
    code = STATUS_EXIT_CODES.get(status, 0)
    if code:
        wait_for_rank_zero()
    return code
