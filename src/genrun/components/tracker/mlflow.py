"""MLflow, with a database in the run's folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from genrun.core.protocols.tracker import TrackedEnd, TrackedRun, require_package

# MLflow's limits
MAX_VALUE_LENGTH = 6000  # characters of a parameter's value
MAX_PARAMETERS = 100  # in one call


class MLflow:
    """View it with `mlflow ui --backend-store-uri sqlite:///RUN/mlflow/mlflow.db`."""

    folder = "mlflow"
    appends = False

    def __init__(self, experiment: str) -> None:
        require_package("mlflow")
        self.experiment = experiment

    def start(self, run: TrackedRun) -> None:
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        store = f"sqlite:///{run.folder / 'mlflow.db'}"
        self._client: Any = MlflowClient(tracking_uri=store, registry_uri=store)
        artifacts = (run.folder / "artifacts").as_uri()
        experiment = self._client.create_experiment(self.experiment, artifact_location=artifacts)
        self._id: str = self._client.create_run(experiment, run_name=run.name).info.run_id
        parameters = [
            Param(name, str(value)[:MAX_VALUE_LENGTH])
            for name, value in run.hyperparameters.items()
        ]
        for start in range(0, len(parameters), MAX_PARAMETERS):
            self._client.log_batch(self._id, params=parameters[start : start + MAX_PARAMETERS])

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._client.log_metric(self._id, name, value, step=step)

    def log_health(self, event: Mapping[str, Any]) -> None:
        text = f"step {event['step']}: {event['state']}: {event['detail']}"
        self._client.set_tag(self._id, f"health.{event['health']}", text)

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        for name, png in pictures.items():
            image = Image.open(io.BytesIO(png))
            self._client.log_image(self._id, image, key=name, step=step)

    def finish(self, end: TrackedEnd) -> None:
        self._client.set_tag(self._id, "end", f"{end.status}: {end.reason}")
        if end.best is not None:
            step, value = end.best
            self._client.log_metric(self._id, f"best/{end.monitor}", value, step=step)
        self._client.set_terminated(self._id, "FINISHED" if end.succeeded else "FAILED")
