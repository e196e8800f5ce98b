"""JPEG and JPEG 2000: what the encoded files say of themselves, and what is left of the picture."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from dheads_plugins import jpeg, jpeg2000

if TYPE_CHECKING:
    from distortion_heads.spec import Encoder, Synthesizer

# Luminance quantisation of ITU-T T.81, table K.1, first row: quality 50 on the IJG scale.
T81_FIRST_ROW = np.array([16, 11, 10, 16, 24, 40, 51, 61])


def ijg_first_row(quality: float) -> NDArray[np.float64]:
    """The first row of the table, as the IJG's scale has it for a quality below 50."""
    return np.clip(np.floor((T81_FIRST_ROW * (5000 // quality) + 50) / 100), 1, 255)


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(-10 * np.log10(np.square(a - b).mean()))


@pytest.fixture
def kadid_sized(scene: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tile(scene, (2, 2, 1))


@pytest.mark.parametrize(("severity", "quality"), [(1, 43), (2, 36), (3, 24), (4, 7), (5, 4)])
def test_quality_is_read_back_from_the_quantisation_tables(
    scene: NDArray[np.float32], rng: np.random.Generator, severity: float, quality: int
) -> None:
    data, suffix = jpeg.encode(scene, severity, rng)
    assert jpeg.parameters(severity) == {"quality": quality}
    assert suffix == ".jpg"
    with Image.open(BytesIO(data)) as picture:
        assert isinstance(picture, JpegImagePlugin.JpegImageFile)
        table = picture.quantization[0]
    np.testing.assert_array_equal(table[:8], ijg_first_row(quality))


def test_chroma_subsampling_varies_and_is_mostly_4_2_0(scene: NDArray[np.float32], rng: np.random.Generator) -> None:
    found = []
    for _ in range(60):
        with Image.open(BytesIO(jpeg.encode(scene[:32, :32], 3, rng)[0])) as picture:
            found.append(JpegImagePlugin.get_sampling(picture))
    counts = [found.count(code) for code in (0, 1, 2)]  # Pillow's codes for 4:4:4, 4:2:2, 4:2:0
    assert min(counts) > 0
    assert counts[2] == max(counts)


def test_strong_jpeg_steps_at_every_eighth_pixel(scene: NDArray[np.float32], rng: np.random.Generator) -> None:
    luma = jpeg.synthesize(scene, 4.5, rng).mean(-1)
    steps = np.abs(np.diff(luma, axis=1)).mean(0)
    at_border = np.arange(1, luma.shape[1]) % 8 == 0
    assert steps[at_border].mean() > 2 * steps[~at_border].mean()


@pytest.mark.parametrize(("severity", "ratio"), [(1, 16), (2, 32), (3, 45), (4, 120), (5, 400)])
def test_byte_ratio_is_the_published_one(
    kadid_sized: NDArray[np.float32], rng: np.random.Generator, severity: float, ratio: float
) -> None:
    data, suffix = jpeg2000.encode(kadid_sized, severity, rng)
    assert suffix == ".jp2"
    assert jpeg2000.parameters(severity)["ratio"] == pytest.approx(ratio)
    assert kadid_sized.size / len(data) == pytest.approx(ratio, rel=0.08)


def test_a_small_picture_keeps_the_detail_that_its_share_of_a_large_one_keeps(
    scene: NDArray[np.float32], kadid_sized: NDArray[np.float32]
) -> None:
    small = psnr(jpeg2000.synthesize(scene, 5, np.random.default_rng(1)), scene)
    large = psnr(jpeg2000.synthesize(kadid_sized, 5, np.random.default_rng(1)), kadid_sized)
    assert small == pytest.approx(large, abs=1.0)


def test_both_wavelets_occur_and_mostly_the_irreversible_one(
    scene: NDArray[np.float32], rng: np.random.Generator
) -> None:
    kinds = []
    for _ in range(40):
        data = jpeg2000.encode(scene[:32, :32], 1, rng)[0]
        marker = data.index(b"\xff\x52")  # COD (T.800 A.6.1): the wavelet is its 14th byte, 0 = 9/7, 1 = 5/3
        kinds.append(data[marker + 13])
    assert set(kinds) == {0, 1}
    assert kinds.count(0) > kinds.count(1)


@pytest.mark.parametrize(
    ("encode", "synthesize"), [(jpeg.encode, jpeg.synthesize), (jpeg2000.encode, jpeg2000.synthesize)]
)
def test_the_distortion_is_the_decoded_file(
    encode: Encoder, synthesize: Synthesizer, scene: NDArray[np.float32]
) -> None:
    with Image.open(BytesIO(encode(scene, 3, np.random.default_rng(2))[0])) as picture:
        decoded = np.asarray(picture, dtype=np.float32) / 255
    np.testing.assert_allclose(synthesize(scene, 3, np.random.default_rng(2)), decoded, atol=1e-6)


@pytest.mark.parametrize("synthesize", [jpeg.synthesize, jpeg2000.synthesize])
def test_more_severe_loses_more(synthesize: Synthesizer, scene: NDArray[np.float32]) -> None:
    fidelity = [psnr(synthesize(scene, s, np.random.default_rng(0)), scene) for s in np.linspace(1, 5, 7)]
    assert np.all(np.diff(fidelity) < 0)


@pytest.mark.parametrize("synthesize", [jpeg.synthesize, jpeg2000.synthesize])
def test_grey_stays_grey(synthesize: Synthesizer, scene: NDArray[np.float32], rng: np.random.Generator) -> None:
    grey = np.repeat(scene.mean(-1, keepdims=True), 3, -1)
    result = synthesize(grey, 4, rng)
    assert np.ptp(result, axis=-1).max() < 3 / 255
