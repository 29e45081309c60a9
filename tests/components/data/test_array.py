import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from genrun.components.data.array import ArrayFile
from genrun.core.errors import ConfigError, DataDamaged, InputMissing, OutOfMemory
from genrun.core.protocols.data import ImageSet

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 0, 2])


def load(path: Path, **changes: object) -> ImageSet:
    given = {"layout": "auto", "images": None, "labels": None} | changes
    return ArrayFile(path=str(path), **given).load()


def written(path: Path, **arrays: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, arrays["images"])
    elif path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        save_file(arrays, path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_each_format_and_dtype(suffix: str, dtype: str, tmp_path: Path) -> None:
    given = IMAGES if dtype == "uint8" else (IMAGES / 255).astype(dtype)
    source = load(written(tmp_path / f"x{suffix}", images=given, labels=LABELS))
    assert source.images.shape == (6, 1, 5, 4)
    assert source.images.dtype == (np.uint8 if dtype == "uint8" else np.float32)
    assert np.array_equal(source.images[:, 0], given.astype(source.images.dtype))
    if suffix == ".npy":
        assert source.labels is None
    else:
        assert np.array_equal(source.labels, LABELS)
        assert source.spec.classes == 3


@pytest.mark.parametrize(
    ("shape", "layout", "read"),
    [
        ((2, 3, 8, 9), "auto", (2, 3, 8, 9)),
        ((2, 8, 9, 3), "auto", (2, 3, 8, 9)),
        ((2, 8, 9, 1), "auto", (2, 1, 8, 9)),
        ((2, 3, 8, 3), "channels_last", (2, 3, 3, 8)),
        ((2, 3, 8, 3), "channels_first", (2, 3, 8, 3)),
        ((2, 8, 9, 4), "channels_last", (2, 4, 8, 9)),
    ],
)
def test_layouts(shape, layout, read, tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    source = load(written(tmp_path / "x.npy", images=images), layout=layout)
    assert source.images.shape == read
    pixel = images[1, 0, 2, 1] if read == shape else images[1, 2, 1, 0]
    assert source.images[1, 0, 2, 1] == pixel


@pytest.mark.parametrize("shape", [(2, 3, 8, 3), (2, 8, 9, 4)])
def test_an_ambiguous_layout_is_an_error(shape, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="channels_first or channels_last"):
        load(written(tmp_path / "x.npy", images=np.zeros(shape, np.uint8)))


def test_fortran_order_and_big_endian(tmp_path: Path) -> None:
    floats = np.asfortranarray((IMAGES / 255).astype(">f4"))
    source = load(written(tmp_path / "x.npy", images=floats))
    assert np.array_equal(source.images[:, 0], floats.astype(np.float32))


def test_names_in_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.npz", pixels=IMAGES, noise=IMAGES + 1, y=LABELS)
    with pytest.raises(ConfigError, match=r"data\.images=null: must name one.*pixels, noise, y"):
        load(path)
    with pytest.raises(ConfigError, match=r"data\.labels=z"):
        load(path, images="pixels", labels="z")
    source = load(path, images="pixels", labels="y")
    assert np.array_equal(source.images[:, 0], IMAGES)
    assert np.array_equal(source.labels, LABELS)
    assert len(load(written(tmp_path / "one.npz", arr_0=IMAGES)).images) == 6


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.full((2, 4, 4), np.nan), "from nan to nan"),
        (np.full((2, 4, 4), 1.5), r"must be in \[0, 1\], but are from 1.5"),
        (np.full((2, 4, 4), -0.1, np.float32), "from -0.1"),
        (np.full((2, 4, 4), np.inf), "inf"),
        (np.zeros((2, 4, 4), np.int64), "not int64"),
        (np.zeros((2, 4)), "2x4 is no array of images"),
        (np.zeros((0, 4, 4)), "0x4x4 is no array of images"),
        (np.array([["a"]]), "which is no number"),
        (np.zeros((2, 4, 4), complex), "which is no number"),
    ],
)
def test_values_that_are_not_images_raise(array: np.ndarray, word: str, tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match=word):
        load(written(tmp_path / "x.npy", images=array))


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (LABELS[:5], "one label for each of 6 images, but is 5"),
        (LABELS / 2, "whole numbers, but are float64"),
        (LABELS - 1, "from -1 to 1"),
        (LABELS * 10**9, "from 0 to 2000000000"),
    ],
)
def test_wrong_labels_raise(labels: np.ndarray, word: str, tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match=word):
        load(written(tmp_path / "x.npz", images=IMAGES, labels=labels))


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    hostile = np.array([Path("canary")], object)
    np.save(tmp_path / "x.npy", hostile, allow_pickle=True)
    np.savez(tmp_path / "x.npz", images=hostile, allow_pickle=True)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataDamaged, match="which is no number"):
            load(tmp_path / name, images="images" if name == "x.npz" else None)


def npy(shape: tuple[int, ...], content: bytes) -> bytes:
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


@pytest.mark.parametrize(
    "content",
    [
        npy((10**6, 10**6, 10**6), b"x" * 100),
        npy((2, 5, 10), b"x" * 99),
        npy((2, 5, 10), b"x" * 101),
        npy((2, -5, 10), b"x" * 100),
        b"\x93NUMPY\x01\0\xff\xff" + b"[" * 60_000,
        b"",
        b"text, and no array",
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_wrong_headers_allocate_no_memory(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", content)
    with pytest.raises(DataDamaged, match="cannot be read"):
        load(path)


def test_damaged_archives(tmp_path: Path) -> None:
    good = written(tmp_path / "x.npz", images=IMAGES).read_bytes()
    for content in (good[:-30], good[:60] + b"\xff" * 20 + good[80:], b"PK\x03\x04"):
        (tmp_path / "y.npz").write_bytes(content)
        with pytest.raises(DataDamaged, match="cannot be read"):
            load(tmp_path / "y.npz")
    tensor = {"dtype": "U8", "shape": [10**6, 10**6, 9], "data_offsets": [0, 9 * 10**12]}
    header = json.dumps({"images": tensor}).encode()
    path = tmp_path / "z.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"x" * 50)
    with pytest.raises(DataDamaged, match="cannot be read"):
        load(path)
    save_file({"images": np.zeros((2, 4, 4), bool)}, path)
    with pytest.raises(DataDamaged, match="BOOL, not one of"):
        load(path)


def test_too_large_arrays_raise_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genrun.core.memory.free_bytes", lambda: 200)
    for suffix in (".npy", ".npz", ".safetensors"):
        with pytest.raises(OutOfMemory, match="of memory are free"):
            load(written(tmp_path / f"x{suffix}", images=IMAGES))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="no such file"):
        load(tmp_path / "nowhere.npy")
    with pytest.raises(ConfigError, match=r"must end in \.npy"):
        load(tmp_path / "x.pt")
    with pytest.raises(ConfigError, match=r"data\.path=FILE"):
        ArrayFile(None, "auto", None, None).load()
    with pytest.raises(ConfigError, match=r"data\.layout=nchw"):
        ArrayFile("x.npy", "nchw", None, None)
