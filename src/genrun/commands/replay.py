"""`genrun replay`: what stopping policies would have saved and lost in finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrun.commands.arguments import is_existing_path, merge_settings
from genrun.config.overrides import check_not_repeated, key_of
from genrun.core.errors import ConfigError

DEFAULTS = {"metric": "", "axis": "steps", "out": ""}
FILE = "replay.png"
USAGE = (
    "genrun replay RUN… stopping=[POLICY] [stopping.POLICY.KEY=A,B,…] [metric=NAME]\n"
    "              [axis=steps|seconds|examples|flops] [out=FILE.png|FILE.svg|FILE.json]\n"
    "  Feeds the logs of finished runs, sweeps or folders of these to stopping policies, without\n"
    "  training: where each would have stopped, the compute saved, and the quality lost. Several\n"
    "  values give all combinations; stopping=[early],[plateau] replays each policy on its own,\n"
    "  [early,budget] both together, stopping=all every policy on its own. Writes a picture:\n"
    "  replay.png, in the sweep's folder if only one sweep is given, else in the current folder."
)


def run(words: Sequence[str]) -> int:
    """Replays, prints the table and the path of the picture or file."""
    paths = [word for word in words if "=" not in word or is_existing_path(word)]
    settings = [word for word in words if word not in paths]
    if not paths:
        raise ConfigError(f"replay takes folders of runs: {USAGE.splitlines()[0]}")
    check_not_repeated(settings)
    stopping = [word for word in settings if key_of(word).split(".")[0] == "stopping"]
    others = dict(word.split("=", 1) for word in settings if word not in stopping)
    options = merge_settings("replay", others, {"stopping": "", **DEFAULTS})

    from genrun.replay.export import check_replay_path, write_replay
    from genrun.results.curve import AXES
    from genrun.sweeps.plan import is_sweep

    axis = next((axis for axis in AXES if axis == options["axis"]), None)
    if axis is None:
        raise ConfigError(f"axis={options['axis']}: must be {', '.join(AXES)}")
    sweep = Path(paths[0]) if len(paths) == 1 and is_sweep(Path(paths[0])) else Path()
    out = Path(options["out"] or sweep / FILE)
    check_replay_path(out)

    from genrun.replay.policies import parse_policies
    from genrun.replay.replay import replay_runs
    from genrun.replay.table import print_replay
    from genrun.terminal.tables import print_line

    replay = replay_runs(paths, parse_policies(stopping), options["metric"] or None, axis)
    print_replay(replay)
    write_replay(out, replay)
    print_line(str(out))
    return 0
