"""One Predictor that does one work list after another, on whatever machine."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distortion_heads.batch.parts import part_bytes, row_of
from distortion_heads.batch.pictures import pictures_of
from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import WorkList
from distortion_heads.errors import DataError, InputError
from distortion_heads.heads.file import parse_head
from distortion_heads.io.frames import Page
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.registry.of_files import registry_of
from distortion_heads.spec import BackboneSpec

if TYPE_CHECKING:
    from distortion_heads.answers import Prediction
    from distortion_heads.io.images import ImageSource


@dataclass(frozen=True, kw_only=True)
class Model:
    """Heads, and a backbone unless it is the bundled one, as bytes: they need not be installed where they work.

    `heads`: file by label, in the order of the answers. `backbone`: name, weights and graph.
    """

    heads: Mapping[str, bytes] = field(repr=False)
    backbone: tuple[str, bytes, bytes] | None = field(default=None, repr=False)
    device: str = "cpu"
    most_windows: int | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS

    def facts(self) -> dict[str, object]:
        """Return all on which the answers depend, for `Job`."""
        return {
            "heads": {label: hashlib.sha256(data).hexdigest() for label, data in self.heads.items()},
            "backbone": self.backbone and [self.backbone[0], hashlib.sha256(self.backbone[1]).hexdigest()],
            "most_windows": self.most_windows,
            "max_pixels": self.max_pixels,
        }

    def open(self, threads: int | None = 1) -> Predictor:
        """Return a Predictor of these heads. Raises `HeadFileError` or `BackboneError`."""
        with tempfile.TemporaryDirectory(prefix="dheads-") as name:
            folder, files = Path(name), []
            for label, data in self.heads.items():
                files.append((parse_head(data, label), folder / f"{label}.safetensors"))
                files[-1][1].write_bytes(data)
            predictor = Predictor(
                registry=registry_of(files),
                backbone=self._backbone_in(folder),
                device=self.device,
                threads=threads,
                max_pixels=self.max_pixels,
            )
        for problem in predictor.problems:
            raise DataError(f"{problem}; install the same distortion-heads on every machine")
        return predictor

    def _backbone_in(self, folder: Path) -> BackboneSpec | None:
        if self.backbone is None:
            return None
        name, weights, graph = self.backbone
        spec = BackboneSpec(name=name, weights=folder / "-.safetensors", graph=folder / "-.onnx")
        (folder / "-.safetensors").write_bytes(weights)
        (folder / "-.onnx").write_bytes(graph)
        return spec


def model_of(predictor: Predictor, registry: Registry, backbone: BackboneSpec | None, **choices: object) -> Model:
    """Return the heads for pictures that `predictor` uses, as they are stored; `choices`: other fields of `Model`."""
    used = (*predictor.heads, *predictor.quality_heads)
    files = {head.label: registry.heads[head.label].spec.weights for head in used}
    heads = {label: file.read_bytes() for label, file in files.items() if file is not None}
    shipped = None
    if backbone is not None:
        shipped = (backbone.name, backbone.weights.read_bytes(), backbone.graph.read_bytes())
    return Model(heads=heads, backbone=shipped, **choices)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Done:
    """A part that was written: how many rows it has, and how many of these are errors."""

    number: int
    rows: int
    errors: int


class Worker:
    """Judges the pictures of work lists with one Predictor, and writes the parts."""

    def __init__(self, model: Model, folder: Folder) -> None:
        self._predictor, self._folder, self._most_windows = model.open(), folder, model.most_windows

    def run(self, work: WorkList, skip: Sequence[int] = (), *, careful: bool = False) -> Done:
        """Write the part of `work`; of the pictures numbered in `skip` it says that they cost a process its life.

        With `careful` the number of each picture is written before it is read, so that it is known which one that was.
        """
        rows = []
        names: list[str] = []
        with closing(self._answers(work, names, frozenset(skip), careful)) as answers:
            for i, answer in enumerate(answers):
                rows.append(row_of(names[i], answer))
        self._folder.write(work.part, part_bytes(work.number, rows))
        if careful:
            self._folder.remove(place_mark(work))
        return Done(number=work.number, rows=len(rows), errors=sum(row.get("error") is not None for row in rows))

    def _answers(
        self, work: WorkList, names: list[str], skip: frozenset[int], careful: bool
    ) -> Generator[Prediction | Exception]:
        """Yield an answer per picture, whose name is added to `names` before."""

        def sources() -> Iterator[ImageSource]:
            for number, (name, source) in enumerate(pictures_of(work)):
                names.append(name)
                if careful:
                    self._folder.write(place_mark(work), b"%d" % number)
                yield _deadly(name) if number in skip else source

        if not careful:
            yield from self._predictor.predict_many(sources(), most_windows=self._most_windows)
            return
        for source in sources():  # no other picture is in work meanwhile
            yield from self._predictor.predict_many([source], most_windows=self._most_windows)


def place_mark(work: WorkList) -> str:
    """Return the name of the file that says which picture of a list is in work."""
    return f"_at-{work.number:06d}"


def _deadly(name: str) -> Page:
    return Page(name, InputError("a process died each time it judged this picture, perhaps of too little memory"))
