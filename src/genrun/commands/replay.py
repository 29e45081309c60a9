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
    "  values give all combinations; stopping=[early],[plateau] is two policies, [early,budget]\n"
    "  two at once, stopping=all every one. Writes a picture: replay.png, in the sweep's folder\n"
    "  if one sweep was given, else here."
)


def run(words: Sequence[str]) -> int:
    """Replays, prints the table and the path of the plot or file."""
    paths = [word for word in words if "=" not in word or is_existing_path(word)]
    settings = [word for word in words if word not in paths]
    if not paths:
        raise ConfigError(f"replay takes folders of runs: {USAGE.splitlines()[0]}")
    check_not_repeated(settings)
    stopping = [word for word in settings if key_of(word).split(".")[0] == "stopping"]
    own = dict(word.split("=", 1) for word in settings if word not in stopping)
    given = merge_settings("replay", own, {"stopping": "", **DEFAULTS})

    from genrun.replay.export import check_replay_path, write_replay
    from genrun.results.curve import AXES
    from genrun.sweeps.plan import is_sweep

    axis = next((axis for axis in AXES if axis == given["axis"]), None)
    if axis is None:
        raise ConfigError(f"axis={given['axis']}: must be {', '.join(AXES)}")
    sweep = Path(paths[0]) if len(paths) == 1 and is_sweep(Path(paths[0])) else Path()
    out = Path(given["out"] or sweep / FILE)
    check_replay_path(out)

    from genrun.replay.policies import parse_policies
    from genrun.replay.replay import replay_runs
    from genrun.replay.table import print_replay
    from genrun.terminal.tables import print_line

    replay = replay_runs(paths, parse_policies(stopping), given["metric"] or None, axis)
    print_replay(replay)
    write_replay(out, replay)
    print_line(str(out))
    return 0
