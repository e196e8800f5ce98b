"""Heat maps beside the results of `predict`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dheads_cli.output.console import complain, printable
from dheads_cli.output.extra_sinks import Beside

if TYPE_CHECKING:
    from dheads_cli.output.sinks import Sink
    from distortion_heads.answers import Prediction
    from distortion_heads.io.video.options import VideoOptions
    from distortion_heads.pipeline import Predictor
    from distortion_heads.reports.heat_files import HeatFolder
    from distortion_heads.video.answers import VideoPrediction


class HeatSink(Beside):
    """Draws what it passes on into a folder, and says in the end how many maps there are."""

    def __init__(self, sink: Sink, folder: HeatFolder, predictor: Predictor, options: VideoOptions | None) -> None:
        super().__init__(sink)
        self._folder, self._predictor, self._options = folder, predictor, options

    def prediction(self, prediction: Prediction) -> None:
        from distortion_heads.reports.heat_files import part_notes

        super().prediction(replace(prediction, notes=(*prediction.notes, *part_notes(prediction))))
        self._folder.picture(prediction)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        from distortion_heads.heat.predictor import HeatPredictor

        super().video(path, prediction)
        if self._options is not None and isinstance(self._predictor, HeatPredictor):
            self._folder.video(self._predictor, prediction, self._options)

    def close(self) -> None:
        super().close()
        noun = "heat map" if self._folder.written == 1 else "heat maps"
        complain(f"note: {self._folder.written} {noun} in {printable(str(self._folder.folder))}")


@contextmanager
def with_heat(sink: Sink, folder: str | None, predictor: Predictor, options: VideoOptions | None) -> Iterator[Sink]:
    """Give `sink`, and heat maps in `folder` if one is named."""
    if folder is None:
        yield sink
        return
    from distortion_heads.reports.heat_files import HeatFolder

    yield HeatSink(sink, HeatFolder(Path(folder)), predictor, options)
