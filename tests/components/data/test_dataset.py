import dataclasses

import numpy as np
import pytest
import torch

from genrun.components.data._dataset import Batches
from genrun.components.data.digits import Digits
from genrun.core.errors import ConfigError
from genrun.core.noise import fold_in
from genrun.core.protocols.data import ImageSet
from genrun.core.types import BatchShard

CPU = torch.device("cpu")
LARGEST_SEED = (1 << 63) - 1


def numbered(count: int) -> ImageSet:
    """Images whose single pixel is their number."""
    return ImageSet("numbered", np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1))


def numbers(batch: torch.Tensor) -> list[int]:
    return (batch.flatten() * 255).round().int().tolist()


def test_an_epoch_has_every_training_image_once_in_a_new_order() -> None:
    batches = Batches(numbered(20), held_out=5, batch_size=5, seed=0, device=CPU)
    first, second = ([numbers(batches.batch(e * 3 + i)) for i in range(3)] for e in (0, 1))
    held_out = {n for part in batches.held_out_batches() for n in numbers(part)}
    assert sorted(sum(first, [])) == sorted(set(range(20)) - held_out)
    assert sorted(sum(second, [])) == sorted(sum(first, []))
    assert first != second


def test_a_batch_is_a_function_of_seed_and_index() -> None:
    one, other = (Batches(numbered(20), 5, 5, seed=3, device=CPU) for _ in range(2))
    in_order = [numbers(one.batch(index)) for index in range(9)]
    backwards = [numbers(other.batch(index)) for index in reversed(range(9))]
    assert in_order == backwards[::-1]
    assert in_order != [numbers(Batches(numbered(20), 5, 5, 4, CPU).batch(i)) for i in range(9)]


def test_the_split_is_a_function_of_the_seed() -> None:
    def held_out(seed: int) -> list[int]:
        return numbers(Batches(numbered(50), 10, 5, seed, CPU).held_out_batches()[0])

    assert held_out(1) == held_out(1) != held_out(2)


def test_digest_depends_on_pixels_and_shape() -> None:
    images = numbered(6)
    assert images.digest() == numbered(6).digest()
    assert images.digest() != ImageSet("x", images.images.reshape(3, 1, 1, 2)).digest()
    assert images.digest() != ImageSet("x", images.images + 1).digest()


@pytest.mark.parametrize(
    ("held_out", "batch_size", "test", "word"),
    [
        (20, 1, 0, "held_out"), (0, 1, 0, "held_out"), (5, 16, 0, "batch_size=16"),
        (5, 1, 19, "data.test=19: must be from 0 to 18"), (11, 1, 9, "held_out=11.*from 1 to 10"),
        (5, 7, 9, "batch_size=7: must be at most 6"),
    ],
)  # fmt: skip
def test_wrong_counts_raise(held_out: int, batch_size: int, test: int, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        Batches(numbered(20), held_out, batch_size, 0, CPU, test=test)


def parts(batches: Batches) -> list[list[int]]:
    """The training, held-out and test images, each in the data's own order."""
    tested = batches.with_test_images()
    return [
        numbers(torch.cat(list(part)))
        for part in (
            batches.train_batches(),
            batches.held_out_batches(),
            tested.held_out_batches(),
        )
    ]


def test_no_seed_trains_on_test_images_or_holds_them_out() -> None:
    splits = [parts(Batches(numbered(30), 6, 5, seed, CPU, test=7)) for seed in range(20)]
    (tested,) = {tuple(test) for _, _, test in splits}
    assert len(tested) == 7 != max(tested) - min(tested) + 1
    assert all(sorted(train + held + test) == list(range(30)) for train, held, test in splits)
    assert len({tuple(held_out) for _, held_out, _ in splits}) > 10
    seen = Batches(numbered(30), 6, 5, 3, CPU, test=7)
    drawn = {n for index in range(12) for n in numbers(seen.batch(index))}
    assert drawn == set(splits[3][0])


def test_the_split_without_a_test_is_pinned() -> None:
    """A change of the split would mix training and held-out images of resumed runs."""
    batches = Batches(numbered(12), held_out=3, batch_size=5, seed=0, device=CPU)
    order = torch.randperm(
        12, generator=torch.Generator().manual_seed(fold_in(0, "split") & LARGEST_SEED)
    )
    assert numbers(batches.held_out_batches()[0]) == sorted(order[:3].tolist())
    with pytest.raises(ConfigError, match=r"give data\.test=N"):
        batches.with_test_images()


def test_all_images_are_the_same_with_a_test_split() -> None:
    source = dataclasses.replace(numbered(20), labels=np.arange(20) % 3)
    batches = Batches(source, held_out=5, batch_size=5, seed=2, device=CPU, test=4)
    tested = batches.with_test_images()
    for images, labels in (batches.all_images(), tested.all_images()):
        assert images.flatten().tolist() == list(range(20))
        assert labels.tolist() == [number % 3 for number in range(20)]
    assert torch.cat(list(tested.held_out_label_batches())).tolist() == [
        number % 3 for number in numbers(tested.held_out_batches()[0])
    ]
    assert batches.digest == tested.digest == Batches(source, 5, 5, 0, CPU).digest


def test_the_digits_are_pinned() -> None:
    import hashlib
    import io
    from importlib import resources

    packed = (
        resources.files("genrun.components.data").joinpath("assets", "mnist_10k.npz").read_bytes()
    )
    with np.load(io.BytesIO(packed)) as arrays:
        digest = hashlib.sha256(arrays["images"].tobytes() + arrays["labels"].tobytes())
    expected = "25d5404ad3c98b3710ad8bf22d0710a009eb64dc2466b0e02d49601bb51a75ed"
    assert digest.hexdigest() == expected
    assert Digits().load().images.shape == (10_000, 1, 28, 28)


def test_shards_make_up_the_batch_in_its_order() -> None:
    whole = Batches(numbered(50), 10, 6, seed=0, device=CPU)
    shards = [Batches(numbered(50), 10, 6, 0, CPU, BatchShard(index, 3, 2)) for index in range(3)]
    for index in (0, 1, 5, 6, 13):
        together = [numbers(share.batch(index)) for share in shards]
        assert sum(together, []) == numbers(whole.batch(index))
    assert shards[0].batches_per_epoch == whole.batches_per_epoch


def test_labels_stay_with_their_images() -> None:
    source = dataclasses.replace(numbered(20), labels=np.arange(20) % 3)
    batches = Batches(source, held_out=5, batch_size=5, seed=0, device=CPU)
    assert source.spec.classes == 3
    for index in range(7):
        shown = [number % 3 for number in numbers(batches.batch(index))]
        assert batches.labels(index).tolist() == shown
    assert torch.cat(list(batches.held_out_label_batches())).tolist() == [
        number % 3 for number in numbers(batches.held_out_batches()[0])
    ]
