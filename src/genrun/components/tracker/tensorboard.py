"""TensorBoard's event files: scalars, sample grids, health events, hyperparameters."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from genrun.core.protocols.tracker import TrackedEnd, TrackedRun, require_package


class TensorBoard:
    """View a run or a sweep with `tensorboard --logdir outputs`.

    A resumed part adds a file that tells TensorBoard to discard later steps of older files.
    """

    folder = "tensorboard"
    appends = True

    def __init__(self, flush_seconds: float) -> None:
        require_package("tensorboard")
        self.flush_seconds = flush_seconds

    def start(self, run: TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._hyperparameters = dict(run.hyperparameters)
        self._writer: Any = SummaryWriter(
            str(run.folder), purge_step=run.first_step, flush_secs=self.flush_seconds
        )

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_health(self, event: Mapping[str, Any]) -> None:
        text = f"{event['state']}: {event['detail']}"
        self._writer.add_text(f"health/{event['health']}", text, event["step"])

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        for name, png in pictures.items():
            opened = Image.open(io.BytesIO(png))
            image = Summary.Image(
                width=opened.width,
                height=opened.height,
                colorspace=len(opened.getbands()),
                encoded_image_string=png,
            )
            summary = Summary(value=[Summary.Value(tag=name, image=image)])
            self._writer.file_writer.add_summary(summary, step)

    def finish(self, end: TrackedEnd) -> None:
        """Writes hyperparameters with the best value, for TensorBoard's table of runs."""
        from torch.utils.tensorboard.summary import hparams

        best = {} if end.best is None else {f"best/{end.monitor}": end.best[1]}
        self.log_row(end.step, best)
        summaries = hparams(self._hyperparameters, best)  # type: ignore[no-untyped-call]  # torch's
        if not end.succeeded:
            _mark_failed(summaries[-1])
        for summary in summaries:
            self._writer.file_writer.add_summary(summary)
        self._writer.add_text("end", f"{end.status}: {end.reason}", end.step)
        self._writer.close()


def _mark_failed(session_end: Any) -> None:
    """Changes the status of a session, which torch always writes as a success."""
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    plugin_data = session_end.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin_data.content)
    content.session_end_info.status = STATUS_FAILURE
    plugin_data.content = content.SerializeToString()
