"""Imported by the fork server only, to ignore the signals that a cluster sends to all processes.

If the server ended, nothing would learn how its jobs end.
"""

from __future__ import annotations

import signal

from genrun.training.interrupt import SIGNALS

for number in SIGNALS:
    signal.signal(number, signal.SIG_IGN)
