"""Fakes of trackers' packages that are not installed, with what genrun calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

Calls = list[tuple[str, Any]]


def module(name: str, **content: Any) -> ModuleType:
    made = ModuleType(name)
    made.__spec__ = ModuleSpec(name, None)
    vars(made).update(content)
    return made


class FakeRun:
    """A run of wandb or Trackio that records its calls."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.summary: dict[str, Any] = {}

    def log(self, values: dict[str, Any], step: int) -> None:
        self.calls.append(("log", (step, values)))

    def finish(self, **how: Any) -> None:
        self.calls.append(("finish", {**how, **self.summary}))


def fake_wandb(calls: Calls, login: str | None = None) -> ModuleType:
    def init(**settings: Any) -> FakeRun:
        calls.append(("init", settings))
        return FakeRun(calls)

    return module(
        "wandb", init=init, Settings=lambda **own: own, Image=lambda image: image.size,
        api=SimpleNamespace(api_key=login),
    )  # fmt: skip


def fake_trackio(calls: Calls) -> ModuleType:
    import os

    calls.append(("folder", os.environ.get("TRACKIO_DIR")))
    calls.append(("space", os.environ.get("TRACKIO_SPACE_ID")))

    def init(**settings: Any) -> FakeRun:
        print("* Trackio project initialized")
        calls.append(("init", settings))
        return FakeRun(calls)

    def finish() -> None:
        print("* Run finished")
        calls.append(("finish", {}))

    return module("trackio", init=init, finish=finish, Image=lambda image: image.size)


class FakeMlflowClient:
    """A store that records its calls."""

    calls: Calls

    def __init__(self, tracking_uri: str, registry_uri: str) -> None:
        assert tracking_uri == registry_uri
        self.calls.append(("store", tracking_uri))

    def create_experiment(self, name: str, artifact_location: str) -> str:
        self.calls.append(("experiment", (name, artifact_location)))
        return "1"

    def create_run(self, experiment: str, run_name: str) -> Any:
        self.calls.append(("run", run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))

    def log_batch(self, run: str, params: list[Any]) -> None:
        assert len(params) <= 100
        self.calls.append(("parameters", dict(params)))

    def log_metric(self, run: str, name: str, value: float, step: int) -> None:
        self.calls.append(("log", (step, {name: value})))

    def log_image(self, run: str, image: Any, key: str, step: int) -> None:
        self.calls.append(("log", (step, {key: image.size})))

    def set_tag(self, run: str, name: str, text: str) -> None:
        self.calls.append(("tag", (name, text)))

    def set_terminated(self, run: str, status: str) -> None:
        self.calls.append(("finish", status))


class OnImport:
    """Finds a package that is created on import, when Trackio reads its folder."""

    def __init__(self, name: str, make: Any) -> None:
        self.name, self.make = name, make

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == self.name else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        made: ModuleType = self.make()
        return made

    def exec_module(self, made: ModuleType) -> None:
        return None


@contextmanager
def installed(name: str, make: Any, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Context in which `name` is a package that `make` creates on import."""
    finder = OnImport(name, make)
    patch.delitem(sys.modules, name, raising=False)
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]
        sys.modules.pop(name, None)


def install_mlflow(calls: Calls, patch: pytest.MonkeyPatch) -> None:
    client = type("MlflowClient", (FakeMlflowClient,), {"calls": calls})
    patch.setitem(sys.modules, "mlflow", module("mlflow"))
    patch.setitem(
        sys.modules, "mlflow.entities", module("mlflow.entities", Param=lambda *pair: pair)
    )
    patch.setitem(sys.modules, "mlflow.tracking", module("mlflow.tracking", MlflowClient=client))


def below(folder: Path) -> list[str]:
    """Returns the names in a folder."""
    return sorted(path.name for path in folder.iterdir())
