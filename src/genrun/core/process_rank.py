"""The rank of this process among those that train one run together. Imports no torch."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from genrun.core.errors import STATUS_EXIT_CODES, ConfigError, ProcessLost
from genrun.core.status import RunStatus

WAIT_SECONDS = 10.0  # within which torchrun ends the other processes once one of them has left


@dataclass(frozen=True)
class ProcessRank:
    """Rank among all processes and among those of this machine, in torchrun's terms."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @classmethod
    def from_environment(cls) -> ProcessRank:
        """Returns the rank that torchrun's variables give, or that of a single process.

        Raises `ConfigError` if the variables are no numbers or contradict each other.
        """
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return cls()
        found = cls(
            rank=_number("RANK", 0),
            world_size=_number("WORLD_SIZE", 1),
            local_rank=_number("LOCAL_RANK", 0),
            local_world_size=_number("LOCAL_WORLD_SIZE", 1),
        )
        if not (
            found.rank < found.world_size
            and found.local_rank < found.local_world_size <= found.world_size
        ):
            raise ConfigError(
                f"RANK={found.rank} WORLD_SIZE={found.world_size} LOCAL_RANK={found.local_rank} "
                f"LOCAL_WORLD_SIZE={found.local_world_size}: these variables, set by "
                "torchrun, contradict each other"
            )
        if found.world_size > 1 and not {"MASTER_ADDR", "MASTER_PORT"} <= set(os.environ):
            raise ConfigError(
                f"WORLD_SIZE={found.world_size}: MASTER_ADDR and MASTER_PORT must be set as well; "
                "torchrun sets them"
            )
        return found


def _number(name: str, least: int) -> int:
    text = os.environ.get(name, str(least))
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ConfigError(
            f"{name}={text}: must be an integer of at least {least}; torchrun sets it"
        )
    return int(text)


def check_single_process(what: str) -> None:
    """Raises `ConfigError` if torchrun started several processes for a command that needs one."""
    if ProcessRank.from_environment().world_size > 1:
        raise ConfigError(f"{what}: runs in a single process; start it without torchrun")


def wait_for_rank_zero(error: Exception | None = None) -> str:
    """Waits until rank 0 has ended, if its error is the one to report.

    Returns the prefix for this process's own error message. All processes mostly end for the same
    reason, which rank 0 reports, and a lost connection is a consequence of another process's end.
    torchrun stops the processes that wait here as soon as the other one has ended, and returns
    that one's exit code; if this process still runs afterwards, its error is its own.
    """
    try:
        rank = ProcessRank.from_environment().rank
    except ConfigError:  # this is the error that is about to be reported
        return ""
    if rank > 0 or isinstance(error, ProcessLost):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # torchrun's: end silently
        time.sleep(WAIT_SECONDS)
    return f"process {rank}: " if rank > 0 else ""


def exit_code_for(status: RunStatus) -> int:
    """Returns the exit code for a run's status; ranks above 0 wait for rank 0 before."""
    code = STATUS_EXIT_CODES.get(status, 0)
    if code:
        wait_for_rank_zero()
    return code
