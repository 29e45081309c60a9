"""Builds metrics and the feature extractor, and chooses the metric to monitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.components.features.pixels import Pixels
from genrun.config.groups import conf_folder
from genrun.core.errors import ConfigError
from genrun.core.log_names import is_uncertainty
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor, FeatureMetric, NeedsData
from genrun.core.protocols.model import Model
from genrun.experiment.instantiate import Config, instantiate
from genrun.training.evaluation import SPREAD
from genrun.training.sample_metrics import SampleMetrics


def build_sample_metrics(
    config: Config, data: Data, plugins: Sequence[str], needed: bool = False
) -> SampleMetrics:
    """Returns the metrics that compare samples with data.

    The features are learned or loaded here if a metric needs them, or if `needed`; the first time
    this can take minutes. Raises `ConfigError` if a metric or the features do not fit the data.
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
    if not isinstance(features, Pixels):  # the default
        raise ConfigError(
            f"features._target_={config['features']['_target_']}: no metric of this run compares "
            f"features ({', '.join(metrics) or 'it has none'}); add one, such as metric=[frechet]"
        )
    return None


def choose_monitor(
    config: Config, model: Model, sample_metrics: SampleMetrics, names: Sequence[str]
) -> str:
    """Returns the held-out metric, one of `names`, that selects the best checkpoint.

    By default the model's own. Raises `ConfigError` if it is not measured, or if higher is better.
    """
    monitor: str = config["monitor"] or model.monitor
    listed = ", ".join(names) or "none"
    if monitor not in names and config["monitor"] is None:
        if not (conf_folder() / "metric" / f"{monitor}.yaml").is_file():
            others = {*sample_metrics.value_names(), SPREAD}
            own = [n for n in names if n not in others and not is_uncertainty(n, names)]
            raise ConfigError(
                f"model: {type(model).__name__}.evaluate returned {', '.join(own) or 'nothing'}, "
                f"not the model's monitor {monitor}, which is no choice of metric either"
            )
        raise ConfigError(
            f"metric: {type(model).__name__} is judged by {monitor}, which is not among the "
            f"held-out metrics ({listed}); add metric=[{monitor}], or judge it by monitor=NAME"
        )
    if monitor not in names:
        raise ConfigError(
            f"monitor={monitor}: is never measured; the held-out metrics are {listed}"
        )
    if monitor in sample_metrics.higher_is_better():
        raise ConfigError(f"monitor={monitor}: must be a metric for which lower is better")
    return monitor
