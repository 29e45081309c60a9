"""Imported by the fork server only: it outlives the signals that a cluster sends to all processes.

Without it a job would go on with nobody who knows how it ends.
"""

from __future__ import annotations

import signal

from genrun.training.interrupt import SIGNALS

for number in SIGNALS:
    signal.signal(number, signal.SIG_IGN)
