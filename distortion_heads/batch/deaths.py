"""Count the deaths of worker processes: their lists are done again, and a picture that kills is found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.work import place_mark
from distortion_heads.errors import WorkerDiedError

AT_ONE_PICTURE = 3
"""Deaths at one picture after which it is given up; anything may kill a process once or twice."""

IN_A_ROW = 30
"""Deaths without a part being finished after which the job is given up."""


@dataclass
class Deaths:
    """The deaths of a job: a list that cost a process its life is done again with care, without what killed."""

    folder: Folder
    _at: Counter[tuple[int, int]] = field(default_factory=Counter)
    _skip: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _lists: set[int] = field(default_factory=set)
    _in_a_row: int = 0

    def careful(self, work: WorkList) -> bool:
        """Return whether a process died at this list."""
        return work.number in self._lists

    def skip(self, work: WorkList) -> tuple[int, ...]:
        """Return the numbers of the pictures of this list that are given up."""
        return tuple(self._skip[work.number])

    def add(self, work: WorkList | None) -> None:
        """Note that a process died at `work`, or as it began. Raises `WorkerDiedError` if that leads nowhere."""
        self._in_a_row += 1
        if work is not None:
            self._lists.add(work.number)
            self._look_for_mark(work)
        if self._in_a_row >= IN_A_ROW:
            raise WorkerDiedError(
                f"{IN_A_ROW} worker processes died in a row, perhaps of too little memory: give fewer --jobs; what is"
                f" in {self.folder.place} is kept"
            )

    def _look_for_mark(self, work: WorkList) -> None:
        mark = place_mark(work)
        if mark not in self.folder.names():
            return
        picture = int(self.folder.read(mark))
        self._at[work.number, picture] += 1
        if self._at[work.number, picture] == AT_ONE_PICTURE:
            self._skip[work.number].append(picture)
            self._in_a_row = 0

    def finished(self) -> None:
        """Note that a part was finished."""
        self._in_a_row = 0
