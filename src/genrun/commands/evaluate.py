"""`genrun evaluate`: compares a run's samples with its held-out data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.commands.arguments import (
    merge_settings,
    parse_integer,
    parse_names,
    parse_run_and_settings,
)
from genrun.config.groups import conf_folder
from genrun.core.errors import ConfigError
from genrun.core.formatting import format_with_interval
from genrun.runs import layout
from genrun.runs.folder import RunFolder

LEAST = {  # smallest values
    "samples": 2,
    "resamples": 2,
    "neighbours": 0,
    "likelihood_images": 0,
    "importance_samples": 1,
    "seed": 0,
}
DEFAULTS = {
    "metric": "",
    "features": "",
    "path": "",
    "samples": "10000",
    "resamples": "100",
    "neighbours": "1000",
    "likelihood_images": "1000",
    "importance_samples": "500",
    "seed": "0",
    "weights": "best",
    "device": "auto",
    "plugins": "[]",
}
MOST = 100_000
USAGE = (
    "genrun evaluate RUN [metric=[NAME,…]] [features=NAME] [samples=10000] [resamples=100]\n"
    "                    [neighbours=1000] [likelihood_images=1000] [importance_samples=500]\n"
    "                    [seed=0] [weights=best|last] [device=auto] [plugins=[MODULE]]\n"
    "  Compares samples, and training images as a reference, with held-out images by each\n"
    "  metric, with 95 % intervals; log-likelihoods if the model has them; distances of samples\n"
    "  to training images. Writes evaluation.json and a picture into the run's folder.\n"
    "  features=inception takes path=FILE.safetensors; neighbours=0 and likelihood_images=0\n"
    "  leave these out."
)


def run(words: Sequence[str]) -> int:
    """Evaluates, prints the tables and the path of the file."""
    folder, settings = parse_run_and_settings(USAGE, words)
    settings = merge_settings("evaluate", settings, DEFAULTS)
    numbers = {name: parse_integer(name, settings[name], least) for name, least in LEAST.items()}
    for name in ("samples", "resamples", "neighbours", "importance_samples"):
        if numbers[name] > MOST:
            raise ConfigError(f"{name}={settings[name]}: must be at most {MOST}")
    if settings["weights"] not in ("best", "last"):
        raise ConfigError(f"weights={settings['weights']}: must be best or last")
    metrics = parse_names(settings["metric"]) or None
    for group, names in (
        ("metric", metrics or []),
        ("features", parse_names(settings["features"])),
    ):
        known = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
        for name in names:
            if name not in known:
                raise ConfigError(f"{group}={name}: must be one of {', '.join(known)}")
    run_folder = RunFolder.open(folder)

    from genrun.api import Run
    from genrun.terminal.tables import print_line

    evaluation = Run(run_folder, parse_names(settings["plugins"])).evaluate(
        metrics,
        features=settings["features"] or None,
        path=settings["path"] or None,
        weights=settings["weights"],  # type: ignore[arg-type]  # checked above
        device=settings["device"],
        **numbers,
    )
    print_evaluation(evaluation)
    print_line(str(run_folder.path / layout.EVALUATION))
    return 0


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Prints every value with its interval and sample count."""
    from genrun.terminal.tables import print_fields, print_line, print_table

    print_fields(_describe(evaluation))
    rows = [
        (
            name,
            _with_interval(metric),
            _with_interval(metric["training_images"]),
            "higher" if metric["higher_is_better"] else "lower",
            metric["samples"],
            metric["held_out"],
            metric["features"] or "-",
        )
        for name, metric in evaluation["metrics"].items()
    ]
    columns = ("metric", "samples'", "training images'", "better", "samples", "held out")
    print_table((*columns, "features"), rows)
    if evaluation["metrics"]:
        print_line("[…] is the 95 % interval over samples of the same size")
    likelihood = evaluation.get("likelihood")
    if likelihood is None:
        return
    table = [
        (f"-log-likelihood, {name}", _with_interval(value, "nats"), value["bits_per_dimension"])
        for name, value in likelihood["values"].items()
    ]
    print_table(("value", "nats an image", "bits per dimension"), table)
    draws = likelihood["importance_samples"]
    draws = f", {draws} importance samples each" if draws else ""
    print_line(f"of {likelihood['images']} held-out images{draws}; {likelihood['note']}")


def _describe(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "weights": f"{evaluation['weights']}, step {evaluation['step']}",
        "seed": evaluation["seed"],
    }
    if units := evaluation.get("active_units"):
        fields["active latent units"] = (
            f"{units['active']} of {units['of']}: variance of the posterior's mean above "
            f"{units['threshold']} over {units['images']} held-out images"
        )
    if near := evaluation.get("memorization"):
        ratio = "-" if near["ratio"] is None else f"{near['ratio']:.3f}"
        fields["nearest training image"] = (
            f"samples {near['samples_distance']:.4g} away, held-out images "
            f"{near['held_out_distance']:.4g} (ratio {ratio}), in {near['features']}, "
            f"{near['samples']} samples"
        )
        fields["copies of training images"] = (
            f"{100 * near['samples_copied']:.2f} % of samples, "
            f"{100 * near['held_out_copied']:.2f} % of held-out images"
        )
    return fields


def _with_interval(value: Mapping[str, Any], key: str = "value") -> str:
    if value[key] is None:
        return "-"
    return format_with_interval(value[key], value["low"], value["high"])
