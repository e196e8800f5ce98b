"""Distort many pictures and clips in many processes: resumable, the same bytes whatever their number, memory flat.

    plan = Plan(specs=specs, severities=parse_severities("1-5"), per_image=5)
    run = Run(sources=Sources(("photos",), out), plan=plan, target=Target(folder=out), jobs=4)
    for outcome in run.outcomes():
        ...

OUT holds `NAME.ITEM.png` for each item of the picture NAME, `NAME.ITEM.mkv` (or .mp4) for each of the clip NAME,
`manifest.csv` (once all are done), in `.scores` what metrics say of each, if asked for, and `synth.json`, which says
what the run was, so that no other run goes on in its place.
"""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distortion_heads._system.atomic import replacing, write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads._system.locks import only_writer
from distortion_heads._system.processes import per_process, start_workers
from distortion_heads._system.threads import Pending, Pool, completed, ordered
from distortion_heads.errors import DataError, WorkerDiedError
from distortion_heads.io.video.encode import Coding
from distortion_heads.synthesis.manifest import Row
from distortion_heads.synthesis.plan import SynthPlan
from distortion_heads.synthesis.sources import Source, Sources
from distortion_heads.synthesis.work import Maker, Outcome, Target, Task

if TYPE_CHECKING:
    from _csv import Writer

MANIFEST = "manifest.csv"
RECORD = "synth.json"
ITEMS_PER_TASK = 32
"""Few enough that one picture keeps all cores busy; so many that a task costs little to hand out."""
TASKS_AHEAD = 8
"""Tasks handed out per process: a slow one does not leave the others idle, and memory does not grow with the run."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of `dheads synth` in `jobs` processes; `max_pixels` of a picture or frame, None: the usual limits.

    `start(jobs)` gives a pool of processes, whose calls may be made twice.
    """

    sources: Sources
    plan: SynthPlan
    target: Target
    jobs: int = 1
    max_pixels: int | None = None
    start: Callable[[int], AbstractContextManager[Pool]] = start_workers

    def total(self) -> int:
        """Return the number of items, looking for all pictures and clips."""
        return self.sources.count() * self.plan.size

    def outcomes(self) -> Generator[Outcome, None, None]:
        """Make what is missing; yield the outcomes in the order of the manifest, which is written as they come.

        Failures are reported in the outcomes and have no row in the manifest. Raises `DataError` if the output folder
        cannot be written, is in use, or holds another run.
        """
        with only_writer(self.target.folder, "dheads synth", "OUT"):
            _check_record(self.target.folder / RECORD, self._record())
            with _scratch(self.target.partial), _manifest(self.target) as writer:
                for outcome in self._work():
                    writer.writerows(row.cells for row in outcome.rows)
                    yield outcome

    def _work(self) -> Iterator[Outcome]:
        last: str | None = None
        ahead = self.jobs * TASKS_AHEAD if self.jobs > 1 else 1
        with _workers(self.jobs, self.plan, self.target, self.start) as submit:
            for outcome in ordered(self._tasks(), submit, ahead):
                # All tasks of a broken picture report the same.
                problems = tuple(problem for problem in outcome.problems if problem != last)
                last = outcome.problems[-1] if outcome.problems else last
                yield replace(outcome, problems=problems)

    def _tasks(self) -> Iterator[Task | Outcome]:
        for source in self.sources:
            if not isinstance(source, Source):
                yield Outcome(rows=(), made=0, planned=0, problems=(f"{source.path}: {source.reason}",))
                continue
            step = 1 if source.is_video else ITEMS_PER_TASK
            for start in range(0, self.plan.size, step):
                yield Task(source=source, start=start, stop=start + step, max_pixels=self.max_pixels)

    def _record(self) -> dict[str, Any]:
        """Return all that the bytes of the output depend on, except for the pictures themselves."""
        severities, clips = self.plan.severities, self.target.clips
        return {
            "inputs": sorted(str(Path(argument).absolute()) for argument in self.sources.arguments),
            "distortions": [spec.label for spec in self.plan.specs],
            "severities": list(severities.levels) or f"{severities.low:g}-{severities.high:g}",
            "mix": list(self.plan.mixture),
            "per_image": self.plan.per_image,
            "seed": self.plan.seed,
            "format": self.target.format,
            "compress": self.target.compress,
            "keep_codec": self.target.keep_codec,
            "intervals": [str(interval) for interval in clips.intervals] or None,
            "codec": None if clips.coding == Coding() else str(clips.coding),
            "one_kind": self.plan.one_kind or None,
            "levels": {label: list(levels) for label, levels in self.plan.levels.items()} or None,
            "scores": list(self.target.scores) or None,
            "version": version("distortion-heads"),
        }


@contextmanager
def _workers(
    jobs: int, plan: SynthPlan, target: Target, start: Callable[[int], AbstractContextManager[Pool]]
) -> Iterator[Callable[[Task | Outcome], Pending[Outcome]]]:
    """Give a function that takes tasks: to this process where one is enough, else to new ones."""
    if jobs == 1 and start is start_workers:
        maker = Maker(plan, target)
        yield lambda task: completed(maker.make, task) if isinstance(task, Task) else completed(_itself, task)
        return
    frozen = _pickled(plan, target)
    try:
        with start(jobs) as pool:
            yield lambda task: pool.submit(_make, frozen, task) if isinstance(task, Task) else completed(_itself, task)
    except WorkerDiedError:
        raise DataError(
            "a process was killed, perhaps for want of memory: start the same again with fewer --jobs, it goes on"
        ) from None


def _itself(outcome: Outcome) -> Outcome:
    return outcome


def _pickled(plan: SynthPlan, target: Target) -> bytes:
    specs = tuple(replace(spec, weights=None) for spec in plan.specs)  # a worker needs none, and a zip's do not pickle
    try:
        return pickle.dumps((replace(plan, specs=specs), target))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise DataError(f"a plugin's synthesizer cannot be sent to other processes ({error}): use --jobs 1") from None


def _make(frozen: bytes, task: Task) -> Outcome:
    return per_process(_maker, frozen).make(task)


def _maker(frozen: bytes) -> Maker:
    return Maker(*pickle.loads(frozen))


def _check_record(path: Path, record: dict[str, Any]) -> None:
    """Write the record of this run, or check that the folder holds no other."""
    try:
        if not path.exists():
            write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
            return
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: choose another output folder, or delete this one")
    differing = [_difference(key, found.get(key), value) for key, value in record.items() if found.get(key) != value]
    if differing:
        raise DataError(
            f"{path.parent} holds a run with {differing[0]}: choose another output folder, or delete this one"
        )


def _difference(key: str, found: object, wanted: object) -> str:
    if key in ("inputs", "distortions"):  # too long to show
        return f"other {key} (see {RECORD})"
    return f"{key} {json.dumps(found)}, not {json.dumps(wanted)}"


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """Make a folder for half-written files, and remove it afterwards with whatever a killed run left in it."""
    import shutil

    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise _unwritable(folder.parent, error) from None
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _manifest(target: Target) -> Iterator[Writer]:
    """Give a writer of a CSV file that appears once it is complete."""
    try:
        with (
            replacing(target.folder / MANIFEST, temporary=target.partial / MANIFEST) as temporary,
            temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(Row._fields)
            yield writer
    except OSError as error:
        raise _unwritable(target.folder, error) from None


def _unwritable(folder: Path, error: Exception) -> DataError:
    return DataError(f"{folder} cannot be written: {reason(error)}")
