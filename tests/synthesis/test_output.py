from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.io.png import png
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.synthesis.plan import parse_severities
from helpers.synth_runs import contents, finish, make_run, manifest, save_photo


def test_every_distortion_at_every_severity(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(make_run(bank, photos, out))
    rows = manifest(out)
    names = [
        f"{stem}.{label}-{s}.png"
        for stem in ("b.png", "deep/a.jpg")
        for label in ("white_noise", "jpeg")
        for s in (1, 3, 5)
    ]
    assert [row["file"] for row in rows] == names
    assert set(contents(out)) == {*names, "manifest.csv", "synth.json"}
    assert not (out / ".partial").exists()
    row = rows[7]
    assert (row["source"], row["labels"], row["severities"]) == (str(photos / "deep/a.jpg"), "white_noise", "3")
    assert (row["width"], row["height"]) == ("33", "36")
    assert json.loads(row["parameters"]) == {"white_noise": {"variance": 0.003}}


def test_a_row_of_the_manifest_is_enough_to_make_its_picture_again(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    finish(make_run(bank, photos, out, "white_noise,jpeg,gaussian_blur", per_image=3, mixture=(1, 3)))
    for row in manifest(out):
        pairs = zip(row["labels"].split("+"), row["severities"].split("+"), strict=True)
        steps = [Step(spec=bank[label], severity=float(severity)) for label, severity in pairs]
        again = distort(to_float(load_image(row["source"])), steps, np.random.default_rng(int(row["seed"])))
        np.testing.assert_array_equal(load_image(out / row["file"]), to_uint8(again))


def test_mixtures_are_of_distinct_families_in_physical_order(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    labels = "jpeg,jpeg2000,white_noise,impulse_noise,gaussian_blur,lens_blur"
    finish(
        make_run(
            bank, photos, tmp_path / "out", labels, per_image=12, mixture=(1, 3), severities=parse_severities("2-4")
        )
    )
    sizes = set()
    for row in manifest(tmp_path / "out"):
        families = [bank[label].family for label in row["labels"].split("+")]
        assert families == [family for family in ("blur", "noise", "compression") if family in families]
        assert all(2 <= float(severity) <= 4 for severity in row["severities"].split("+"))
        sizes.add(len(families))
    assert sizes == {1, 2, 3}


def test_drawn_severities_of_a_list_are_of_that_list(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    finish(make_run(bank, photos, tmp_path / "out", per_image=10, mixture=(2, 2)))
    drawn = {severity for row in manifest(tmp_path / "out") for severity in row["severities"].split("+")}
    assert drawn == {"1", "3", "5"}


def test_a_range_without_draws_makes_each_distortion_once(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    finish(make_run(bank, photos, tmp_path / "out", severities=parse_severities("1-5")))
    rows = manifest(tmp_path / "out")
    assert [row["file"] for row in rows[:2]] == ["b.png.white_noise.png", "b.png.jpeg.png"]
    assert len({row["severities"] for row in rows}) == len(rows) == 4


def test_another_seed_draws_other_noise(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    results = []
    for seed in (0, 1):
        finish(make_run(bank, photos, tmp_path / str(seed), "white_noise", seed=seed))
        results.append(contents(tmp_path / str(seed)))
    assert all(results[0][name] != results[1][name] for name in results[0] if name.endswith(".png"))


def test_bytes_do_not_depend_on_what_else_is_made(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    finish(make_run(bank, photos, tmp_path / "both"))
    save_photo(photos / "aaa.png")
    finish(make_run(bank, photos, tmp_path / "noise", "white_noise", severities=parse_severities("5,3")))
    name = "deep/a.jpg.white_noise-3.png"
    assert (tmp_path / "noise" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()


def test_a_codecs_own_file_decodes_to_the_lossless_picture(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    labels = "jpeg,jpeg2000,white_noise"
    for name, keep in (("kept", True), ("plain", False)):
        finish(make_run(bank, photos, tmp_path / name, labels, per_image=8, mixture=(1, 2), keep_codec=keep))
    suffixes = set()
    for kept, plain in zip(manifest(tmp_path / "kept"), manifest(tmp_path / "plain"), strict=True):
        np.testing.assert_array_equal(
            load_image(tmp_path / "kept" / kept["file"]), load_image(tmp_path / "plain" / plain["file"])
        )
        wanted = {"jpeg": ".jpg", "jpeg2000": ".jp2"}.get(kept["labels"].split("+")[-1], ".png")
        assert Path(kept["file"]).suffix == wanted
        suffixes.add(wanted)
    assert suffixes == {".jpg", ".jp2", ".png"}


@pytest.mark.parametrize(("format_", "compress"), [("png", 1), ("png", 6), ("webp", 0), ("webp", 4)])
def test_smaller_files_hold_the_same_pixels(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, format_: str, compress: int
) -> None:
    finish(make_run(bank, photos, tmp_path / "stored", "gaussian_blur"))
    finish(make_run(bank, photos, tmp_path / "small", "gaussian_blur", format=format_, compress=compress))
    for stored in (tmp_path / "stored").rglob("*.png"):
        small = (tmp_path / "small" / stored.relative_to(tmp_path / "stored")).with_suffix(f".{format_}")
        assert small.stat().st_size < 0.8 * stored.stat().st_size
        np.testing.assert_array_equal(load_image(stored), load_image(small))


@given(st.integers(1, 70), st.integers(1, 40), st.integers(0, 9), st.sampled_from([0, 1, 6]))
def test_png_is_read_back_by_pillow(height: int, width: int, seed: int, compress: int) -> None:
    check_png(np.random.default_rng(seed).random((height, width, 3), dtype=np.float32), compress)


@pytest.mark.parametrize(("height", "width"), [(300, 512), (3, 21844), (3, 21845)])
def test_png_of_many_blocks_and_of_rows_longer_than_a_block(height: int, width: int) -> None:
    check_png(np.random.default_rng(1).random((height, width, 3), dtype=np.float32), 0)


def check_png(image: NDArray[np.float32], compress: int) -> None:
    """Read it back, after a program that checks all sums."""
    data = bytes(png(image, compress))
    with Image.open(io.BytesIO(data)) as picture:
        picture.verify()
    assert len(zlib.decompress(b"".join(chunks(data, b"IDAT")))) == image.shape[0] * (1 + 3 * image.shape[1])
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(picture), to_uint8(image))


def chunks(data: bytes, kind: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == kind:
            yield data[at + 8 : at + 8 + size]
        at += 12 + size
