"""Heat maps beside the results of `predict`."""

from __future__ import annotations

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


def heat_folder(folder: str | None) -> HeatFolder | None:
    """Return where heat maps go. Raises `DataError` if nothing can be written there, before anything is judged."""
    if folder is None:
        return None
    from distortion_heads.reports.heat_files import HeatFolder

    return HeatFolder(Path(folder))


def with_heat(sink: Sink, folder: HeatFolder | None, predictor: Predictor, options: VideoOptions | None) -> Sink:
    """Return `sink`, with heat maps in `folder` if there is one."""
    return sink if folder is None else HeatSink(sink, folder, predictor, options)
