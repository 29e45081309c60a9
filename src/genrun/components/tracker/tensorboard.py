"""TensorBoard's event files: scalars, sample grids, health events, hyperparameters."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from genrun.core.protocols.tracker import TrackedEnd, TrackedRun, require_package


class TensorBoard:
    """Look at a run or a whole sweep with `tensorboard --logdir outputs`.

    A resumed part adds a file that begins by telling readers to forget later steps of older ones.
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
            drawn = Image.open(io.BytesIO(png))
            image = Summary.Image(
                width=drawn.width,
                height=drawn.height,
                colorspace=len(drawn.getbands()),
                encoded_image_string=png,
            )
            summary = Summary(value=[Summary.Value(tag=name, image=image)])
            self._writer.file_writer.add_summary(summary, step)

    def finish(self, end: TrackedEnd) -> None:
        """Hyperparameters stand beside the best value, for TensorBoard's table of runs."""
        from torch.utils.tensorboard.summary import hparams

        best = {} if end.best is None else {f"best/{end.monitor}": end.best[1]}
        self.log_row(end.step, best)
        begun_and_ended = hparams(self._hyperparameters, best)  # type: ignore[no-untyped-call]  # torch's
        if not end.succeeded:
            _say_failed(begun_and_ended[-1])
        for summary in begun_and_ended:
            self._writer.file_writer.add_summary(summary)
        self._writer.add_text("end", f"{end.status}: {end.reason}", end.step)
        self._writer.close()


def _say_failed(session_end: Any) -> None:
    """torch can only write that a session was a success."""
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    plugin_data = session_end.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin_data.content)
    content.session_end_info.status = STATUS_FAILURE
    plugin_data.content = content.SerializeToString()
