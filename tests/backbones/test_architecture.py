from __future__ import annotations

import pytest

from distortion_heads.backbones.architecture import Architecture, Conv, small
from distortion_heads.errors import BackboneError


def test_small_has_five_levels_down_to_one_activation_per_cell_and_the_banks() -> None:
    architecture = small()
    assert [stride for _, stride in architecture.levels] == [2, 4, 8, 16, 32, 4, 4]
    assert architecture.dim == 2 * sum(channels for channels, _ in architecture.levels) == 608


def test_receptive_field_of_two_convolutions() -> None:
    stack = Architecture(convs=(Conv(inputs=3, outputs=4, kernel=5, stride=2), Conv(inputs=4, outputs=4, level=True)))
    assert stack.receptive_field == 9


def test_json_round_trip() -> None:
    assert Architecture.from_json(small().to_json()) == small()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        [{"inputs": 3}],
        [{"inputs": 4, "outputs": 4, "level": True}],
        [{"inputs": 3, "outputs": 4}],
        [{"inputs": 3, "outputs": 4, "kernel": 4, "level": True}],
        [{"inputs": 3, "outputs": 4, "stride": 3, "level": True}],
        [{"inputs": 3, "outputs": -1, "level": True}],
        [{"inputs": 3, "outputs": 4, "level": True, "code": "import os"}],
        [{"inputs": 3, "outputs": 10**9, "level": True}],
        [{"inputs": 3, "outputs": 4, "level": 1}],
        [{"inputs": 3, "outputs": 4, "level": True}, {"inputs": 3, "outputs": 4, "analysis": True}],
        [{"inputs": 3, "outputs": 4, "level": True, "analysis": True}, {"inputs": 4, "outputs": 4, "level": True}],
        [{"inputs": 3, "outputs": 4, "level": True}, {"inputs": 4, "outputs": 4, "level": True, "analysis": True}],
        [{"inputs": 3, "outputs": 4, "level": True}, {"inputs": 3, "outputs": 4, "level": True, "analysis": 1}],
    ],
)
def test_junk_is_refused(value: object) -> None:
    with pytest.raises(BackboneError):
        Architecture.from_json(value)
