import numpy as np
import pytest
import torch

from genrun.components.data._dataset import Batches
from genrun.components.data.digits import Digits
from genrun.components.data.grid import Grid
from genrun.components.metric.modes import ModeCount
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.types import Modes

CPU = torch.device("cpu")


def counted(samples: torch.Tensor, modes: Modes, **changes: float) -> dict[str, float]:
    metric = ModeCount(**{"within": 3.0, "least_samples": 1, **changes}, modes=modes)
    found = metric(samples.view(-1, 2, 1, 1), samples, Key.from_seed(0))
    return {name: float(value) for name, value in found.items()}


@pytest.mark.usefixtures("float64")
def test_counts_as_the_papers_do() -> None:
    """Compared with the rule of the papers in plain loops."""
    generator = np.random.default_rng(0)
    centres, std = generator.random((6, 2)), 0.03
    samples = generator.random((200, 2))
    counts = [0] * 6
    for sample in samples:
        distances = [float(np.hypot(*(sample - centre))) / std for centre in centres]
        if min(distances) < 3:
            counts[distances.index(min(distances))] += 1
    modes = Modes(torch.from_numpy(centres), std)
    assert len(set(counts)) > 1
    for least in (1, max(counts)):
        found = sum(count >= least for count in counts)
        assert found > 0
        assert counted(torch.from_numpy(samples), modes, least_samples=least) == {
            "modes_found": found,
            "modes_missing": 6 - found,
            "high_quality": pytest.approx(sum(counts) / 200),
        }


def test_the_data_themselves_find_all_their_modes() -> None:
    data = Batches(Grid(5, 2.0, 0.05, count=5000, seed=0).load(), 2500, 8, seed=0, device=CPU)
    metric = ModeCount(within=3.0, least_samples=1).prepare(data)
    held_out = torch.cat(list(data.held_out_batches()))
    found = {
        name: float(value) for name, value in metric(held_out, held_out, Key.from_seed(0)).items()
    }
    assert (found["modes_found"], found["modes_missing"]) == (25, 0)
    assert found["high_quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.006)  # of a Gaussian
    one = held_out[:1].expand(100, 2, 1, 1)
    assert float(metric(one, held_out, Key.from_seed(0))["modes_missing"]) >= 24


def test_data_without_modes_raise() -> None:
    data = Batches(Digits().load(), 100, 8, seed=0, device=CPU)
    with pytest.raises(ConfigError, match="digits has no known modes"):
        ModeCount(within=3.0, least_samples=1).prepare(data)
