"""The work lists of a job and the parts of its result: what is there is never done again.

A job writes into one folder: `_job.json` says what is asked for, `_plan.jsonl` has a work list a line, and
`part-000000.parquet` holds a row for each input of list 0. A part is written whole or not at all, whoever makes it has
the same rows, and nothing else counts as a result: so each input has exactly one row, whatever was killed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from distortion_heads.batch.places import Folder
from distortion_heads.errors import DataError

SCHEMA = "dheads-batch/1"
JOB, PLAN = "_job.json", "_plan.jsonl"

Kind: TypeAlias = Literal["files", "parquet", "tar"]


@dataclass(frozen=True, kw_only=True)
class WorkList:
    """Inputs that are done together and written as one part.

    `files`: paths or URLs, each with the error where it leads to no file. `parquet`: `count` rows of `source` from
    `start` on, whose `column` has the pictures or their paths. `tar`: all pictures in `source`.
    """

    number: int
    kind: Kind
    source: str = ""
    files: tuple[tuple[str, str | None], ...] = ()
    column: str = ""
    start: int = 0
    count: int = 0

    @property
    def part(self) -> str:
        """The name of the file of its rows."""
        return f"part-{self.number:06d}.parquet"


@dataclass(frozen=True)
class Job:
    """A folder of results and the facts on which all of its parts depend."""

    folder: Folder
    facts: Mapping[str, Any]

    def plan(self, lists: Iterable[WorkList]) -> tuple[WorkList, ...]:
        """Return the work lists of the job: those of its first run, where there was one.

        `lists` is not asked then, so that pictures that came or went meanwhile move none of the others. Raises
        `DataError` if the folder holds another job.
        """
        names = self.folder.names()
        facts = json.loads(json.dumps({"schema": SCHEMA, **self.facts}))
        if JOB in names:
            self._check(facts)
        elif any(name.startswith("part-") for name in names):
            raise DataError(f"{self.folder.place} holds results of something else: choose another --out")
        if PLAN in names:
            return tuple(_parsed(self.folder.read(PLAN)))
        planned = tuple(lists)
        lines = [json.dumps(asdict(work), separators=(",", ":")) for work in planned]
        self.folder.write(JOB, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())
        self.folder.write(PLAN, "".join(f"{line}\n" for line in lines).encode())
        return planned

    def missing(self, lists: Iterable[WorkList]) -> tuple[WorkList, ...]:
        """Return the work lists that have no part yet."""
        names = self.folder.names()
        return tuple(work for work in lists if work.part not in names)

    def _check(self, facts: Mapping[str, Any]) -> None:
        before = json.loads(self.folder.read(JOB))
        differ = sorted(key for key in before.keys() | facts.keys() if before.get(key) != facts.get(key))
        if differ:
            raise DataError(
                f"{self.folder.place} holds answers with another {', '.join(differ)}: go on with the same as before, or"
                " choose another --out"
            )


def _parsed(data: bytes) -> Iterator[WorkList]:
    for line in data.splitlines():
        values = json.loads(line)
        yield WorkList(**{**values, "files": tuple((path, error) for path, error in values["files"])})
