import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genrun.components.data._decoding import Decoder
from genrun.components.data.parquet import Parquet
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), (value, value, value)).save(buffer, format="PNG")
    return buffer.getvalue()


def table(values: list[object], labels: list[object] | None = None, column: str = "image"):
    columns = {column: values} | ({} if labels is None else {"label": labels})
    return pyarrow.table(columns)


def of_hub(values: list[bytes | None]) -> list[object]:
    """As the Hugging Face Hub stores images."""
    return [{"bytes": value, "path": f"{number}.png"} for number, value in enumerate(values)]


def load(path: Path, **changes: object) -> ImageSet:
    given = {"image": "image", "label": None, "size": 8, "channels": 3, "skip_bad": False}
    return Parquet(path=str(path), **(given | changes)).load()


def greys(source: ImageSet) -> list[int]:
    return [int(image.max()) for image in source.images]


@pytest.mark.parametrize("as_struct", [True, False])
def test_bytes_and_structs_with_labels(as_struct: bool, tmp_path: Path) -> None:
    encoded = [png(value) for value in (10, 20, 30)]
    values = of_hub(encoded) if as_struct else encoded
    parquet.write_table(table(values, [1, 0, 2]), tmp_path / "x.parquet")
    source = load(tmp_path / "x.parquet")
    assert source.images.shape == (3, 3, 8, 8)
    assert greys(source) == [10, 20, 30]
    assert source.labels.tolist() == [1, 0, 2]
    assert load(tmp_path / "x.parquet", channels=1).images.shape == (3, 1, 8, 8)


def test_a_folder_of_files_in_order_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 0):
        rows = [png(100 * number + row) for row in range(70)]  # more than are read at a time
        part = table(rows, ["dog", "ant"] * 35)
        parquet.write_table(part, tmp_path / f"train-{number}.parquet")
    source = load(tmp_path)
    assert greys(source) == [*range(70), *range(100, 170)]
    assert source.labels.tolist() == [1, 0] * 70, "text is numbered in its order"
    monkeypatch.setattr(Decoder, "_decode_each", lambda *_: pytest.fail("decoded twice"))
    assert greys(load(tmp_path)) == greys(source)


def test_rows_that_cannot_be_read_are_named_or_left_out_with_their_labels(tmp_path: Path) -> None:
    values = of_hub([png(10), png(20)[:50], None, png(40)])
    parquet.write_table(table(values, [0, 1, 2, 3]), tmp_path / "x.parquet")
    with pytest.raises(DataDamaged, match=r"x\.parquet: row 1: .*data\.skip_bad=true"):
        load(tmp_path / "x.parquet")
    for _ in range(2):
        source = load(tmp_path / "x.parquet", skip_bad=True)
        assert (greys(source), source.labels.tolist(), source.skipped) == ([10, 40], [0, 3], 2)


def test_columns_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write_table(table([png(1)] * 2, [0, None], column="img"), path)
    with pytest.raises(ConfigError, match=r"data\.image=image: .* columns img, label"):
        load(path)
    with pytest.raises(ConfigError, match=r"data\.label=class"):
        load(path, image="img", label="class")
    with pytest.raises(DataDamaged, match="row 1 has no label"):
        load(path, image="img")
    parquet.write_table(table([1, 2]), path)
    with pytest.raises(DataDamaged, match="must hold bytes"):
        load(path)
    parquet.write_table(table([png(1)] * 2, [0.5, 1.5]), path)
    with pytest.raises(DataDamaged, match="whole numbers"):
        load(path)


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write_table(table([png(7)] * 200, [0] * 200), path)
    good = path.read_bytes()
    generator = np.random.default_rng(0)
    for content in (b"", b"PAR1", good[:-20], good[20:], b"PAR1" + b"\xff" * 100 + b"PAR1"):
        path.write_bytes(content)
        with pytest.raises(DataDamaged, match="Parquet"):
            load(path)
    for _ in range(30):  # any damage gives a one-line error
        broken = bytearray(good)
        for place in generator.integers(len(good), size=8):
            broken[place] = generator.integers(256)
        path.write_bytes(broken)
        try:
            load(path)
        except (DataDamaged, ConfigError):
            continue
    with pytest.raises(InputMissing, match="no such file"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputMissing, match=r"no \*\.parquet"):
        load(tmp_path / "empty")


def test_without_pyarrow_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"genrun\[parquet\]"):
        load(tmp_path / "x.parquet")
