"""What every distortion of the bank promises, whatever it does."""

from __future__ import annotations

import math
import pkgutil
from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray

import dheads_plugins
from dheads_plugins import FAMILIES, MODULES, QUALITIES
from distortion_heads.spec import STAGES, TEMPORAL, HeadSpec
from distortion_heads.synthesis.distort import stage_of

SEVERITIES = (1.0, 1.3, 2.0, 2.71, 3.0, 4.0, 4.99, 5.0)
HEADS = {name: import_module(f"dheads_plugins.{name}").HEAD for name in MODULES}
SHAPES = {"square": (32, 32), "odd": (33, 47), "tall": (61, 32)}


PICTURE_MODULES = [name for name in MODULES if HEADS[name].view != TEMPORAL]  # the others distort clips


@pytest.fixture(params=PICTURE_MODULES)
def head(request: pytest.FixtureRequest) -> HeadSpec:
    spec = HEADS[request.param]
    assert isinstance(spec, HeadSpec)
    return spec


def photo(height: int, width: int) -> NDArray[np.float32]:
    """Smooth colours, an edge and texture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    image = np.stack([0.5 + 0.4 * np.sin(x / 9), 0.5 + 0.4 * np.cos(y / 7), 0.5 + 0.3 * np.sin((x + y) / 11)], axis=-1)
    image[height // 3 :, width // 2 :] *= 0.4
    image += 0.05 * np.random.default_rng(3).standard_normal(image.shape).astype(np.float32)
    return np.clip(image, 0, 1).astype(np.float32)


def grey(height: int, width: int) -> NDArray[np.float32]:
    return np.repeat(photo(height, width).mean(axis=2, keepdims=True), 3, axis=2).astype(np.float32)


def plain(height: int, width: int, *color: float) -> NDArray[np.float32]:
    return np.full((height, width, 3), color, np.float32)


HARD_PICTURES = {
    "grey": grey(33, 47),
    "one_colour": plain(32, 40, 0.2, 0.7, 0.4),
    "black": plain(32, 32, 0),
    "white": plain(32, 32, 1),
    "checkers": np.repeat((np.indices((32, 36)).sum(0) % 2)[..., None], 3, axis=2).astype(np.float32),
    "pure_red": plain(36, 32, 1, 0, 0),
}


def make(head: HeadSpec, image: NDArray[np.float32], severity: float, seed: int = 5) -> NDArray[np.float32]:
    """Distort a write-protected picture and check what must hold for all results."""
    assert head.synthesize is not None
    image = image.copy()
    image.flags.writeable = False
    result = head.synthesize(image, severity, np.random.default_rng(seed))
    assert isinstance(result, np.ndarray)
    assert result.shape == image.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() <= 1
    return result


def test_every_module_is_listed_once_and_in_order() -> None:
    found = [
        module.name
        for module in pkgutil.iter_modules(dheads_plugins.__path__)
        if module.name[0] != "_" and not module.ispkg
    ]
    lists = (FAMILIES, MODULES, QUALITIES)
    assert sorted(name for names in lists for name in names) == sorted(found)
    assert [sorted(names) for names in lists] == [list(names) for names in lists]


def test_specs_are_complete(head: HeadSpec) -> None:
    assert HEADS[head.label] is head, "the label is the module's name"
    assert head.title
    assert head.family
    assert head.description.endswith(".")
    assert head.source
    assert 0 <= stage_of(head) < len(STAGES)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shape_type_and_range_hold_at_all_severities(head: HeadSpec, shape: tuple[int, int]) -> None:
    image = photo(*shape)
    for severity in SEVERITIES if shape == (33, 47) else (1.0, 5.0):
        make(head, image, severity)


def test_draws_come_from_the_generator_alone(head: HeadSpec) -> None:
    image = photo(33, 47)
    for severity in (2.0, 4.5):
        first = make(head, image, severity, seed=1)
        np.random.seed(0)  # noqa: NPY002 - whoever reads the global state would now differ
        np.testing.assert_array_equal(make(head, image, severity, seed=1), first)


def test_the_strongest_is_visible_and_stronger_than_the_weakest(head: HeadSpec) -> None:
    image = photo(192, 224)  # large enough for distortions that are counted to count beyond one
    weak, strong = (
        np.mean([np.square(make(head, image, severity, seed) - image).mean() for seed in range(2)])
        for severity in (1.0, 5.0)
    )
    assert strong > 1e-4
    assert strong > weak


@pytest.mark.parametrize("name", HARD_PICTURES)
def test_hard_pictures_are_survived(head: HeadSpec, name: str) -> None:
    for severity in (1.0, 3.4, 5.0):
        make(head, HARD_PICTURES[name], severity)


def test_result_does_not_share_memory_with_the_input(head: HeadSpec) -> None:
    assert head.synthesize is not None
    image = photo(32, 32)
    before = image.copy()
    result = head.synthesize(image, 5.0, np.random.default_rng(0))
    result[:] = 0.25
    np.testing.assert_array_equal(image, before)


def test_parameters_are_named_and_finite(head: HeadSpec) -> None:
    assert head.parameters is not None
    names = set(head.parameters(1.0))
    assert names
    for severity in SEVERITIES:
        values = head.parameters(severity)
        assert set(values) == names
        assert all(isinstance(value, float) and math.isfinite(value) for value in values.values())


def test_parameters_change_with_severity(head: HeadSpec) -> None:
    assert head.parameters is not None
    assert head.parameters(1.0) != head.parameters(5.0)


@pytest.mark.parametrize("label", [label for label, head in HEADS.items() if head.encode is not None])
def test_codec_files_decode_to_what_synthesize_returns(label: str) -> None:
    from distortion_heads.io.float_images import to_uint8
    from distortion_heads.io.images import load_image

    head, image = HEADS[label], photo(64, 80)
    data, suffix = head.encode(image, 3.0, np.random.default_rng(9))
    assert suffix.startswith(".")
    np.testing.assert_array_equal(load_image(data), to_uint8(make(head, image, 3.0, seed=9)))
