"""`genrun evaluate`: what a run's samples are worth against its held-out data."""

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

LEAST = {  # of whole numbers
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
    "  Samples against held-out images by each metric, with 95 % intervals, and training images\n"
    "  against them as the mark to reach; log-likelihoods where the model has them; how near\n"
    "  samples are to training images. Writes evaluation.json and a picture into the run's\n"
    "  folder. features=inception takes path=FILE.safetensors; neighbours=0 and\n"
    "  likelihood_images=0 leave these out."
)


def run(words: Sequence[str]) -> int:
    """Measures, prints the tables and the path of the file."""
    folder, settings = parse_run_and_settings(USAGE, words)
    given = merge_settings("evaluate", settings, DEFAULTS)
    numbers = {name: parse_integer(name, given[name], least) for name, least in LEAST.items()}
    for name in ("samples", "resamples", "neighbours", "importance_samples"):
        if numbers[name] > MOST:
            raise ConfigError(f"{name}={given[name]}: must be at most {MOST}")
    if given["weights"] not in ("best", "last"):
        raise ConfigError(f"weights={given['weights']}: must be best or last")
    metrics = parse_names(given["metric"]) or None
    for group, names in (("metric", metrics or []), ("features", parse_names(given["features"]))):
        known = sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))
        for name in names:
            if name not in known:
                raise ConfigError(f"{group}={name}: must be one of {', '.join(known)}")
    run_folder = RunFolder.open(folder)

    from genrun.api import Run
    from genrun.terminal.tables import print_line

    found = Run(run_folder, parse_names(given["plugins"])).evaluate(
        metrics,
        features=given["features"] or None,
        path=given["path"] or None,
        weights=given["weights"],  # type: ignore[arg-type]  # checked above
        device=given["device"],
        **numbers,
    )
    print_evaluation(found)
    print_line(str(run_folder.path / layout.EVALUATION))
    return 0


def print_evaluation(found: Mapping[str, Any]) -> None:
    """Returns a table of values, their intervals and their units."""
    from genrun.terminal.tables import print_fields, print_line, print_table

    print_fields(_facts(found))
    rows = [
        (
            name,
            _with_interval(one),
            _with_interval(one["training_images"]),
            "higher" if one["higher_is_better"] else "lower",
            one["samples"],
            one["held_out"],
            one["features"] or "-",
        )
        for name, one in found["metrics"].items()
    ]
    columns = ("metric", "samples'", "training images'", "better", "samples", "held out")
    print_table((*columns, "features"), rows)
    if found["metrics"]:
        print_line("[…] is the 95 % interval over other samples of the same number")
    likelihood = found.get("likelihood")
    if likelihood is None:
        return
    table = [
        (f"-log-likelihood, {name}", _with_interval(one, "nats"), one["bits_per_dimension"])
        for name, one in likelihood["values"].items()
    ]
    print_table(("value", "nats an image", "bits per dimension"), table)
    draws = likelihood["importance_samples"]
    drawn = f", {draws} importance samples each" if draws else ""
    print_line(f"of {likelihood['images']} held-out images{drawn}; {likelihood['note']}")


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "weights": f"{found['weights']}, step {found['step']}",
        "seed": found["seed"],
    }
    if units := found.get("active_units"):
        facts["active latent units"] = (
            f"{units['active']} of {units['of']}: variance of the posterior's mean above "
            f"{units['threshold']} over {units['images']} held-out images"
        )
    if near := found.get("memorization"):
        ratio = "-" if near["ratio"] is None else f"{near['ratio']:.3f}"
        facts["nearest training image"] = (
            f"samples {near['samples_distance']:.4g} away, held-out images "
            f"{near['held_out_distance']:.4g} (ratio {ratio}), in {near['features']}, "
            f"{near['samples']} samples"
        )
        facts["copies of training images"] = (
            f"{100 * near['samples_copied']:.2f} % of samples, "
            f"{100 * near['held_out_copied']:.2f} % of held-out images"
        )
    return facts


def _with_interval(one: Mapping[str, Any], key: str = "value") -> str:
    if one[key] is None:
        return "-"
    return format_with_interval(one[key], one["low"], one["high"])
