import pytest
import torch

from genrun.core import noise
from genrun.core.noise import Key, fold_in
from genrun.core.seeds import mix
from genrun.core.types import BatchShard


def test_mix_is_splitmix64() -> None:
    # the first outputs of the reference implementation seeded with 0 and with 1234567
    assert mix(0) == 0xE220A8397B1DCDAF
    assert mix(1234567) == 6457827717110365317


def test_a_key_determines_the_numbers_and_other_uses_are_unrelated() -> None:
    like = torch.zeros(1)
    key = Key.from_seed(3, "step", 7)
    drawn = noise.normal(key.fold("latent"), (1000,), like)
    assert torch.equal(
        drawn, noise.normal(Key.from_seed(3, "step", 7).fold("latent"), (1000,), like)
    )
    others = [
        key.fold("layers"),
        Key.from_seed(3, "step", 8).fold("latent"),
        key.fold("latent").fold(0),
    ]
    for other in others:
        correlation = torch.corrcoef(torch.stack([drawn, noise.normal(other, (1000,), like)]))
        assert abs(correlation[0, 1]) < 0.15


def test_distributions() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    normal = noise.normal(Key.from_seed(0), (100_000,), like)
    uniform = noise.uniform(Key.from_seed(0), (100_000,), like)
    assert normal.dtype == torch.float64
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    assert 0 <= uniform.min() < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01


def test_vmap_over_keys_equals_one_after_the_other() -> None:
    like = torch.zeros(1)
    bases = torch.tensor([fold_in(seed) for seed in range(4)])

    def draw(base: torch.Tensor) -> torch.Tensor:
        return noise.normal(Key(base).fold("x"), (5, 3), like)

    stacked = torch.vmap(draw, randomness="error")(bases)
    assert torch.equal(stacked, torch.stack([draw(base) for base in bases]))


def test_layers_get_keys_in_the_order_of_their_calls_and_none_outside() -> None:
    with noise.layer_keys(Key.from_seed(1)):
        first, second = noise.next_layer_key(), noise.next_layer_key()
    with noise.layer_keys(Key.from_seed(1)):
        again = noise.next_layer_key()
    assert first.path == again.path != second.path
    with pytest.raises(RuntimeError, match="outside"):
        noise.next_layer_key()


@pytest.mark.parametrize("draw", [noise.normal, noise.uniform])
def test_shards_of_the_noise_make_up_what_one_process_draws(draw) -> None:  # type: ignore[no-untyped-def]
    key, like = Key.from_seed(3), torch.zeros(1)
    whole = draw(key, (12, 5), like)
    both = draw(key, (24, 5), like)  # two batches in one, as of real and generated images
    bias = draw(key, (5,), like)
    parts, stacked = [], []
    for index in range(3):
        with noise.layer_keys(key, BatchShard(index, 3, 4)):
            parts.append(draw(key, (4, 5), like))
            stacked.append(draw(key, (8, 5), like))
            assert torch.equal(draw(key, (5,), like), bias), "independent of the batch"
            assert draw(key, (), like).shape == ()
        with noise.layer_keys(key):
            assert torch.equal(draw(key, (12, 5), like), whole)
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(torch.cat([part[:4] for part in stacked]), both[:12])
    assert torch.equal(torch.cat([part[4:] for part in stacked]), both[12:])
