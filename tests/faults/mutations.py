"""Mutated, untrusted checkpoints: every one is refused or usable, under a memory cap."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import random
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable, GenrunError
from genrun.core.types import StepReport
from genrun.experiment.experiment import Experiment
from genrun.experiment.restore import restore
from genrun.runs.checkpoint import read_checkpoint
from tests.faults.damage import CHECKPOINT, STOP
from tests.faults.harness import Harness, Tally, fork, wait

SPARE = 512 << 20  # bytes that reading may take beyond what the process has
BATCH = 100  # in one child
HUGE = (-1, 0, 1, 2**31, 2**62, 2**63, 2**64, 10**30, 1.5, None, "7", True, [], {})
NO_RECORDS = ("", "[]", "{", "[" * 10**5, "1" * 9999)
Header = dict[str, Any]


def _names(header: Header) -> list[str]:
    return [name for name in header if name != "__metadata__"]


def _tensor(change: Callable[[Header, random.Random], None]) -> Callable[..., None]:
    def mutate(header: Header, chance: random.Random) -> None:
        change(header[chance.choice(_names(header))], chance)

    return mutate


def _record(change: Callable[[Header, random.Random], None]) -> Callable[..., None]:
    def mutate(header: Header, chance: random.Random) -> None:
        record = json.loads(header["__metadata__"]["genrun"])
        change(record, chance)
        header["__metadata__"]["genrun"] = json.dumps(record)

    return mutate


def _anywhere(node: Any, chance: random.Random) -> None:
    """Replaces one value at any depth."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = chance.choice(keys)
    if isinstance(node[key], dict | list) and node[key] and chance.random() < 0.7:
        _anywhere(node[key], chance)
    else:
        node[key] = chance.choice(HUGE)


def _swap(header: Header, chance: random.Random) -> None:
    one, other = chance.sample(_names(header), 2)
    header[one], header[other] = header[other], header[one]


STRUCTURE: tuple[Callable[[Header, random.Random], None], ...] = (
    _tensor(lambda t, r: t.update(dtype=r.choice(["F64", "I8", "BOOL", "F8_E4M3", "", 3, None]))),
    _tensor(lambda t, r: t.update(shape=[r.choice(HUGE) for _ in range(r.randrange(4))])),
    _tensor(lambda t, r: t.update(shape=[1] * r.choice([17, 65, 1000]))),
    _tensor(lambda t, r: t.update(shape=[0, 2**61, 2**61])),
    _tensor(lambda t, r: t.update(data_offsets=[r.choice(HUGE), r.choice(HUGE)])),
    _tensor(lambda t, r: t.update(shape=list(reversed(t["shape"])))),
    _tensor(lambda t, r: t.clear()),
    _tensor(lambda t, r: t.update(more=1)),
    _swap,
    lambda h, r: h.pop(r.choice(_names(h))) and None,
    lambda h, r: h.update({r.choice(["x", "networks/../x", "\x00", ""]): h[_names(h)[0]]}),
    lambda h, r: h.update(__metadata__=r.choice(HUGE)),
    lambda h, r: h.update(__metadata__={}),
    lambda h, r: h["__metadata__"].update(
        genrun=r.choice(["", "[]", "{", "[" * 10**5, "1" * 9999])
    ),
    _record(_anywhere),
    _record(_anywhere),
    _record(lambda c, r: c.pop(r.choice(list(c)))),
)
TEXT: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda text, r: text[:-1] + b"," + text[1:],  # every key twice
    lambda text, r: b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
    lambda text, r: b"[" * 10**6,
    lambda text, r: text.replace(b'"shape"', b'"\\ud800"', 1),
    lambda text, r: text + b" " * r.randrange(10**6),
)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Changes the bytes, the header's text or its content in one place."""
    length = struct.unpack("<Q", content[:8])[0]
    text, data = content[8 : 8 + length], content[8 + length :]
    kind = chance.random()
    if kind < 0.25:
        return chance.choice(list(CHECKPOINT.values()))(content, chance)
    if kind < 0.4:
        text = chance.choice(TEXT)(text, chance)
    else:
        header = json.loads(text)
        chance.choice(STRUCTURE)(header, chance)
        text = json.dumps(header).encode()
    said = len(text) if chance.random() < 0.9 else chance.choice([0, 2**40, 2**63, len(text) - 1])
    return struct.pack("<Q", said) + text + data


def mutations(harness: Harness, count: int, chance: random.Random) -> Tally:
    """The name always contains the right hash, as a hostile author would give it."""
    tally = Tally("mutated checkpoint, memory capped")
    template = harness.part(harness.folder(), STOP)
    content = max((template / "checkpoints").glob("ckpt-*")).read_bytes()
    folder = harness.folder()
    for first in range(0, count, BATCH):
        seed, size = chance.random(), min(BATCH, count - first)
        said = folder / "survived"
        code = wait(fork(lambda s=seed, n=size: _read_all(harness, content, folder, s, n)))  # type: ignore[misc]
        survived = int(said.read_text()) if code == 0 else 0
        tally.tried += size
        tally.survived += survived
        tally.refused += size - survived if code == 0 else 0
        tally.lost += 0 if code == 0 else size
    return tally


def _read_all(harness: Harness, content: bytes, folder: Path, seed: float, count: int) -> int:
    composed = harness.composed
    experiment = Experiment.prepare(
        copy.deepcopy(composed.config), composed.choices, composed.overrides
    )
    now = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmSize")
    )
    resource.setrlimit(resource.RLIMIT_AS, (now + SPARE, now + SPARE))
    chance = random.Random(seed)
    survived = 0
    for _ in range(count):
        changed = mutated(content, chance)
        digest = hashlib.sha256(changed).hexdigest()[:32]
        path = folder / f"ckpt-{STOP:010d}-{digest}.safetensors"
        path.write_bytes(changed)
        try:
            restore(experiment.built.trial, read_checkpoint(path))
        except CheckpointUnusable:
            continue
        finally:
            path.unlink()
        _train_a_row(experiment)
        survived += 1
    (folder / "survived").write_text(str(survived))
    return 0


def _train_a_row(experiment: Experiment) -> None:
    """Uses an accepted checkpoint: a step, an evaluation, health checks and stopping policies."""
    trial, built = experiment.built.trial, experiment.built
    with contextlib.suppress(GenrunError):
        trial.step += 1
        trial.loss_buffer.add(trial.step, built.step(trial.step))
        trial.average.update(trial.step)
        for schedule in trial.schedules.values():
            schedule.step()
            schedule.observe(1.0)
        trial.observe(StepReport(trial.step, 8, 1.0, {built.plan.monitor: 1.0}))
        trial.check()
        trial.health.observe(
            {"step": trial.step, **trial.loss_buffer.read(), **trial.gradient_norms}
        )
        trial.save()
