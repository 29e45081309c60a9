"""Metrics, and the features in which some of them compare images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.components.features.pixels import Pixels
from genrun.core.errors import ConfigError
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor, FeatureMetric, NeedsData
from genrun.core.protocols.model import Model
from genrun.experiment.instantiate import Config, instantiate
from genrun.training.sample_metrics import SampleMetrics


def build_sample_metrics(
    config: Config, data: Data, plugins: Sequence[str], needed: bool = False
) -> SampleMetrics:
    """Raises `ConfigError` where a metric or the features do not suit the data.

    Features may be learned here, which takes time at a run's first start; only if a metric wants
    them, or if they are `needed` otherwise.
    """
    metrics: dict[str, Any] = {}
    for name, settings in config["metric"].items():
        metric = instantiate("metric", settings, plugins, f"metric.{name}")
        metrics[name] = metric.prepare(data) if isinstance(metric, NeedsData) else metric
    extractor = _extractor(config, metrics, data, plugins, needed)
    return SampleMetrics(metrics, extractor, data, config["seed"])


def _extractor(
    config: Config,
    metrics: Mapping[str, Any],
    data: Data,
    plugins: Sequence[str],
    needed: bool,
) -> Extractor | None:
    features = instantiate("features", config["features"], plugins)
    if needed or any(isinstance(metric, FeatureMetric) for metric in metrics.values()):
        extractor: Extractor = features.prepare(data)
        return extractor
    if not isinstance(features, Pixels):  # which nobody has to have asked for
        raise ConfigError(
            f"features._target_={config['features']['_target_']}: no metric of this run compares "
            f"features ({', '.join(metrics) or 'it has none'}); add metric=[frechet], say"
        )
    return None


def choose_monitor(
    config: Config, model: Model, comparison: SampleMetrics, names: Sequence[str]
) -> str:
    """By which of the held-out values, `names`, the run is judged: the model's own unless told.

    Raises `ConfigError` where that is not measured, or is better the higher it is.
    """
    monitor: str = config["monitor"] or model.monitor
    listed = ", ".join(names) or "none"
    if monitor not in names and config["monitor"] is None:
        raise ConfigError(
            f"metric: {type(model).__name__} is judged by {monitor}, which is not among the "
            f"held-out metrics ({listed}); add metric=[{monitor}], or judge it by monitor=NAME"
        )
    if monitor not in names:
        raise ConfigError(
            f"monitor={monitor}: is never measured; the held-out metrics are {listed}"
        )
    if monitor in comparison.higher_is_better():
        raise ConfigError(
            f"monitor={monitor}: is better the higher it is, and runs are judged by values that "
            "are better the lower they are"
        )
    return monitor
