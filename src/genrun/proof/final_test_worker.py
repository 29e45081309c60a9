"""Tests runs' best weights on the test images, in a forked process."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import Connection

from genrun.api import Run
from genrun.core.errors import GenrunError
from genrun.sweeps.launch.resources import JobResources
from genrun.sweeps.launch.worker import prepare_process


def test_all(
    folders: Sequence[str], plugins: Sequence[str], share: JobResources, connection: Connection
) -> None:
    """Writes each run's `test.json`; sends an empty text for each, or its error."""
    prepare_process(share)
    for folder in folders:
        text = ""
        try:
            Run.open(folder, plugins).test()
        except GenrunError as error:
            text = str(error)
        try:
            connection.send(text)
        except BrokenPipeError:  # the proof's process is gone
            return
