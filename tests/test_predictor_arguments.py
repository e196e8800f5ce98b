"""What people hand to `Predictor` besides the plain case: one label as a string, a path of another kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from distortion_heads.errors import UnknownHeadError
from distortion_heads.pipeline import Predictor


class Elsewhere:
    """A path that is no `pathlib.Path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    return path


def test_one_label_may_be_a_string(picture: Path) -> None:
    predictor = Predictor("jpeg")
    assert [head.label for head in predictor.heads] == ["jpeg"]
    assert predictor.predict(picture) == Predictor(["jpeg"]).predict(picture)
    with pytest.raises(UnknownHeadError, match="'nothing_such'"):
        Predictor("nothing_such")


def test_every_kind_of_path_is_in_the_prediction(picture: Path) -> None:
    assert Predictor("jpeg").predict(Elsewhere(picture)).path == str(picture)
