"""Interlaced frames: told by their flags or by combing that can be seen, and mended by FFmpeg's bwdif."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from av.filter.graph import Graph
    from av.video.frame import VideoFrame

_LOOKED_AT = 120
"""Successive frames without a flag that are searched for combing."""

_LEAST, _SHARE = 5, 0.3
"""Combed frames from which a video counts as interlaced, and their share of those that the filter has judged."""

_JUDGED = "lavfi.idet.multiple."

COMBED = (
    "interlaced: its frames hold two moments each and are judged as woven, without sharpness and spatial faults, which "
    "combing looks like: --deinterlace mends that"
)
MENDED = "interlaced: its fields were made into whole frames (bwdif)"


class Deinterlacer:
    """Whole frames out of interlaced ones, one for one and a few later; frames of another shape begin anew.

    Frames without combing stay as they are. Which field comes first is seen too: files often say the wrong one, by
    which a frame would be mended with its neighbours in the wrong order.
    """

    def __init__(self) -> None:
        self._graph: _Filters | None = None

    def add(self, frame: VideoFrame) -> list[VideoFrame]:
        """Take the next frame; return those that became known by it."""
        known: list[VideoFrame] = []
        if self._graph is None or not self._graph.takes(frame):
            known = self.finish()
            self._graph = _Filters(frame, ("idet", ""), ("bwdif", "mode=send_frame:deint=interlaced"))
        return known + self._graph.push(frame)

    def finish(self) -> list[VideoFrame]:
        """Return the rest: there are no more frames, or what comes next is from elsewhere."""
        graph, self._graph = self._graph, None
        return [] if graph is None else graph.push(None)


class CombWatch:
    """Says whether a video is interlaced: by the flags of its frames, or by FFmpeg's idet over the first of them."""

    def __init__(self) -> None:
        self.flagged = False
        self._graph: _Filters | None = None
        self._combed = self._seen = 0

    @property
    def interlaced(self) -> bool:
        """Return the verdict on what was seen so far."""
        return self.flagged or (self._combed >= _LEAST and self._combed >= _SHARE * self._seen)

    def add(self, frame: VideoFrame) -> None:
        """Take the next decoded frame."""
        if frame.interlaced_frame:
            self.flagged = True
        if self.flagged or self._seen >= _LOOKED_AT:
            self._graph = None
            return
        if self._graph is None or not self._graph.takes(frame):
            self._graph = _Filters(frame, ("idet", ""))
        for judged in self._graph.push(frame):
            verdict = judged.metadata.get(f"{_JUDGED}current_frame", "")
            self._seen += 1
            self._combed += verdict in ("tff", "bff")


class _Filters:
    """Filters of FFmpeg, each with its options, between a source and a sink."""

    def __init__(self, frame: VideoFrame, *filters: tuple[str, str]) -> None:
        from av.filter import Graph

        self._shape = (frame.width, frame.height, frame.format.name)
        self._graph: Graph = Graph()
        base = frame.time_base or Fraction(1, 1000)
        source = self._graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
        last = source
        for name, options in (*filters, ("buffersink", "")):
            added = self._graph.add(name, options or None)
            last.link_to(added)
            last = added
        self._graph.configure()

    def takes(self, frame: VideoFrame) -> bool:
        return self._shape == (frame.width, frame.height, frame.format.name)

    def push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        from av.error import BlockingIOError as MoreNeeded
        from av.error import EOFError as Ended

        self._graph.push(frame)
        known: list[VideoFrame] = []
        while True:
            try:
                known.append(cast("VideoFrame", self._graph.pull()))
            except (MoreNeeded, Ended):
                return known
