"""Distortions by other libraries, each with a mild and a strong setting; nothing here is ever trained or tuned on.

Settings are the libraries' own (the severities of imagecorruptions) or lie about where KADID-10k's levels 3 and 5 lie.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import MissingExtraError

Pixels: TypeAlias = NDArray[np.uint8]
Level: TypeAlias = int  # 0 mild, 1 strong


@dataclass(frozen=True, kw_only=True)
class ForeignOperator:
    """One operator of a library: `apply(pixels, level)`, uint8 RGB (H, W, 3) to the same shape; seeded by `np.random`.

    `family` is what it is; `codec` says that it is stored as a file, so that nothing is stored again as JPEG after it.
    """

    library: str
    name: str
    family: str
    apply: Callable[[Pixels, Level], Pixels]

    @property
    def codec(self) -> bool:
        return self.family == "compression"


def all_operators() -> tuple[ForeignOperator, ...]:
    """Return every operator. Raises `MissingExtraError` if a library is not installed (extra `bench`)."""
    try:
        return (*_corruptions(), *_opencv(), *_skimage(), *_kornia(), *_ffmpeg(), *_codecs())
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"dheads bench foreign (it lacks {error.name})", extra="bench") from None


# not its gaussian_blur, glass_blur and fog, which do not run with NumPy 2 and scikit-image 0.26
CORRUPTIONS = {
    "gaussian_noise": "noise",
    "shot_noise": "noise",
    "impulse_noise": "noise",
    "speckle_noise": "noise",
    "defocus_blur": "blur",
    "motion_blur": "blur",
    "zoom_blur": "blur",
    "jpeg_compression": "compression",
    "pixelate": "spatial",
}


def _corruptions() -> Iterator[ForeignOperator]:
    with _old_names():
        from imagecorruptions import corrupt

    def apply(pixels: Pixels, level: Level, name: str) -> Pixels:
        side = max(pixels.shape[:2])  # some of its operators want squares
        padded = np.pad(pixels, ((0, side - pixels.shape[0]), (0, side - pixels.shape[1]), (0, 0)), mode="reflect")
        made = np.asarray(corrupt(padded, corruption_name=name, severity=(2, 4)[level]))
        return np.ascontiguousarray(made[: pixels.shape[0], : pixels.shape[1]], np.uint8)

    for name, family in CORRUPTIONS.items():
        yield ForeignOperator(library="imagecorruptions", name=name, family=family, apply=partial(apply, name=name))


@contextmanager
def _old_names() -> Iterator[None]:
    """Names that imagecorruptions 1.1 imports and that setuptools and SciPy no longer have."""
    import scipy.ndimage

    resources: Any = ModuleType("pkg_resources")
    resources.resource_filename = lambda package, path: path  # pictures of frost, which are not used here
    old = {"pkg_resources": resources, "scipy.ndimage.interpolation": scipy.ndimage}
    added = {name: module for name, module in old.items() if name not in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _opencv() -> Iterator[ForeignOperator]:
    import cv2

    def motion(pixels: Pixels, level: Level) -> Pixels:
        size = (9, 19)[level]
        kernel = np.zeros((size, size), np.float32)
        cv2.line(kernel, (0, size // 3), (size - 1, size - 1 - size // 3), 1.0)
        return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)

    def reduced(pixels: Pixels, level: Level) -> Pixels:
        height, width = pixels.shape[:2]
        share = (0.4, 0.2)[level]
        small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    def stored(pixels: Pixels, level: Level, suffix: str, options: list[list[int]]) -> Pixels:
        _, data = cv2.imencode(suffix, pixels[..., ::-1], options[level])
        return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)

    def unsharp(pixels: Pixels, level: Level) -> Pixels:
        blurred = cv2.GaussianBlur(pixels, (0, 0), 1.5)
        amount = (1.8, 4.0)[level]
        return np.asarray(cv2.addWeighted(pixels, 1 + amount, blurred, -amount, 0), np.uint8)

    yield _op("opencv", "gaussian", "blur", lambda p, s: np.asarray(cv2.GaussianBlur(p, (0, 0), (1.6, 3.5)[s])))
    yield _op("opencv", "box", "blur", lambda p, s: np.asarray(cv2.blur(p, ((5, 5), (11, 11))[s])))
    yield _op("opencv", "median", "blur", lambda p, s: np.asarray(cv2.medianBlur(p, (5, 11)[s])))
    yield _op("opencv", "motion", "blur", motion)
    yield _op("opencv", "reduced", "blur", reduced)
    yield _op("opencv", "unsharp", "sharpness", unsharp)
    quality, webp, jp2 = cv2.IMWRITE_JPEG_QUALITY, cv2.IMWRITE_WEBP_QUALITY, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000
    for name, suffix, key, values in (
        ("jpeg", ".jpg", quality, (25, 8)),
        ("webp", ".webp", webp, (15, 2)),
        ("jp2", ".jp2", jp2, (25, 8)),
    ):
        yield _op(
            "opencv", name, "compression", partial(stored, suffix=suffix, options=[[key, value] for value in values])
        )


def _skimage() -> Iterator[ForeignOperator]:
    from skimage import exposure, filters, util

    def noise(pixels: Pixels, level: Level, mode: str, settings: tuple[dict[str, float], dict[str, float]]) -> Pixels:
        made = util.random_noise(
            pixels, mode=mode, rng=np.random.default_rng(np.random.randint(2**31)), **settings[level]
        )  # noqa: NPY002
        return _bytes(made)

    yield _op(
        "skimage", "gaussian_noise", "noise", partial(noise, mode="gaussian", settings=({"var": 0.004}, {"var": 0.02}))
    )
    yield _op(
        "skimage", "salt_pepper", "noise", partial(noise, mode="s&p", settings=({"amount": 0.01}, {"amount": 0.06}))
    )
    yield _op("skimage", "speckle", "noise", partial(noise, mode="speckle", settings=({"var": 0.03}, {"var": 0.12})))
    yield _op("skimage", "gaussian", "blur", lambda p, s: _bytes(filters.gaussian(p, (1.5, 3.5)[s], channel_axis=-1)))
    yield _op("skimage", "too_dark", "exposure", lambda p, s: _bytes(exposure.adjust_gamma(p / 255, (2.2, 3.5)[s])))
    yield _op("skimage", "too_bright", "exposure", lambda p, s: _bytes(exposure.adjust_gamma(p / 255, (0.45, 0.28)[s])))


def _kornia() -> Iterator[ForeignOperator]:
    import torch
    from kornia import augmentation, filters

    def run(pixels: Pixels, level: Level, make: Callable[[Level], Any]) -> Pixels:
        torch.manual_seed(int(np.random.randint(2**31)))  # noqa: NPY002
        x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        return _bytes(make(level)(x)[0].permute(1, 2, 0).numpy())

    def kornia(name: str, family: str, make: Callable[[Level], Any]) -> ForeignOperator:
        return _op("kornia", name, family, partial(run, make=make))

    yield kornia(
        "gaussian",
        "blur",
        lambda s: partial(filters.gaussian_blur2d, kernel_size=(25, 25), sigma=((1.6, 1.6), (4.0, 4.0))[s]),
    )
    yield kornia(
        "motion", "blur", lambda s: partial(filters.motion_blur, kernel_size=(9, 21)[s], angle=40.0, direction=0.0)
    )
    yield kornia("median", "blur", lambda s: partial(filters.median_blur, kernel_size=(5, 9)[s]))
    yield kornia("noise", "noise", lambda s: augmentation.RandomGaussianNoise(std=(0.06, 0.15)[s], p=1.0))
    yield kornia(
        "salt_pepper",
        "noise",
        lambda s: augmentation.RandomSaltAndPepperNoise(amount=((0.01, 0.011), (0.06, 0.061))[s], p=1.0),
    )
    yield kornia(
        "linear_light",
        "light",
        lambda s: augmentation.RandomLinearIllumination(gain=((0.25, 0.26), (0.5, 0.51))[s], p=1.0),
    )


def _ffmpeg() -> Iterator[ForeignOperator]:
    def run(pixels: Pixels, level: Level, settings: tuple[tuple[str, str], tuple[str, str]]) -> Pixels:
        import av

        graph = av.filter.Graph()
        height, width = pixels.shape[:2]
        source = graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/25:pixel_aspect=1/1")
        last = source
        for name, value in (settings[level], ("format", "rgb24")):
            node = graph.add(name, value)
            last.link_to(node)
            last = node
        sink = graph.add("buffersink")
        last.link_to(sink)
        graph.configure()
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        frame.pts = 0
        source.push(frame)
        source.push(None)
        return np.ascontiguousarray(sink.pull().to_ndarray(format="rgb24"))

    for name, family, mild, strong in (
        ("gblur", "blur", "1.8", "4"),
        ("avgblur", "blur", "2", "6"),
        ("noise", "noise", "alls=18:allf=t", "alls=45:allf=t"),
        ("vignette", "light", "PI/3.2", "PI/2.4"),
        ("unsharp", "sharpness", "5:5:2.5", "7:7:4.5"),
    ):
        yield _op("ffmpeg", name, family, partial(run, settings=((name, mild), (name, strong))))


def _codecs() -> Iterator[ForeignOperator]:
    from PIL import Image

    def stored(pixels: Pixels, level: Level, kind: str, options: tuple[dict[str, object], dict[str, object]]) -> Pixels:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, kind, **options[level])
        with Image.open(buffer) as picture:
            return np.asarray(picture.convert("RGB"))

    def pillow(name: str, kind: str, key: str, mild: object, strong: object) -> ForeignOperator:
        return _op("pillow", name, "compression", partial(stored, kind=kind, options=({key: mild}, {key: strong})))

    yield pillow("jpeg", "JPEG", "quality", 25, 8)
    yield pillow("webp", "WEBP", "quality", 12, 2)
    yield pillow("avif", "AVIF", "quality", 25, 8)
    yield pillow("jpeg2000", "JPEG2000", "quality_layers", [60], [160])


def _op(library: str, name: str, family: str, apply: Callable[[Pixels, Level], Any]) -> ForeignOperator:
    return ForeignOperator(library=library, name=name, family=family, apply=apply)


def _bytes(values: NDArray[np.floating[Any]]) -> Pixels:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
