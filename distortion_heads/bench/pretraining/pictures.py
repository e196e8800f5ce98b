"""Pictures of the bench: scored ones to learn from (as KADIS-700k is made), and ones with people's mean opinion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from distortion_heads._system.atomic import write_atomic
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.quality.measure import read_middle
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Record
from distortion_heads.metrics.reference.table import DEEPFL
from distortion_heads.registry.build import Registry
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.opinions import ANCHORS, opinion
from distortion_heads.synthesis.plan import SynthPlan, parse_severities
from distortion_heads.synthesis.run import Run
from distortion_heads.synthesis.sources import Sources
from distortion_heads.synthesis.work import Target

SIDE = 192
"""Pixels a side of the middle that is cut out: some metrics need 161."""

RATED_SERIES = 2
"""Kinds that each scene of the rated pictures has, five levels each."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PictureSets:
    """Both have scores of metrics and a `mos`, people's mean opinion of such a fault; they are of different scenes."""

    scored: tuple[Record, ...]
    rated: tuple[Record, ...]


def make_sets(
    work: Path, sources: tuple[Sequence[Path], Sequence[Path]], specs: Sequence[HeadSpec], seed: int, progress: Progress
) -> PictureSets:
    """Make what is missing in `work`, of the middle of the first `sources` to be scored, of the others to be rated."""
    scored = make_pictures(work, "scored", sources[0], _kadis(specs, seed), DEEPFL, progress)
    rated = make_rated(work, "rated", sources[1], specs, seed + 1, progress, scores=DEEPFL)
    return PictureSets(_with_means(scored, specs), rated)


def make_rated(
    work: Path,
    name: str,
    sources: Sequence[Path],
    specs: Sequence[HeadSpec],
    seed: int,
    progress: Progress,
    *,
    scores: Sequence[str] = (),
) -> tuple[Record, ...]:
    """Make what is missing of `RATED_SERIES` kinds of each picture at five levels; `mos` is people's mean."""
    records = [
        record
        for i in range(RATED_SERIES)
        for record in make_pictures(work, f"{name}-{i}", sources, _kadis(specs, seed + i), scores, progress)
    ]
    return _with_means(records, specs)


def _kadis(specs: Sequence[HeadSpec], seed: int) -> SynthPlan:
    return SynthPlan(specs=tuple(specs), severities=parse_severities("1,2,3,4,5"), seed=seed, one_kind=True)


def _with_means(records: Sequence[Record], specs: Sequence[HeadSpec]) -> tuple[Record, ...]:
    by_label = {spec.label: spec for spec in specs}
    return tuple(replace(record, mos=_mean(record, by_label)) for record in records)


def kadid_specs(registry: Registry) -> tuple[HeadSpec, ...]:
    """Return the 25 kinds of KADID-10k."""
    return tuple(registry.head(label).spec for label in ANCHORS)


def find_sources(images: Path, held: Path, limit: int | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the pictures to be scored and half as many to be rated. Raises `DataError`."""
    return find_pictures(images, limit), find_pictures(held, None if limit is None else max(limit // 2, 1))


def make_pictures(
    work: Path, name: str, sources: Sequence[Path], plan: SynthPlan, scores: Sequence[str], progress: Progress
) -> list[Record]:
    """Make what is missing in `work` of the pictures of a plan, of the middle of `sources`, with scores of metrics."""
    clean, out = work / "clean" / name.partition("-")[0], work / name
    clean.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if not (clean / f"{source.stem}.png").exists():
            write_atomic(clean / f"{source.stem}.png", _middle(source))
    run = Run(
        sources=Sources((str(clean),), out),
        plan=plan,
        target=Target(folder=out, compress=1, scores=tuple(scores)),
    )
    done, total = 0, run.total()
    for outcome in run.outcomes():
        done += outcome.planned
        progress(f"pictures, {name}", done, total)
    return [record for record in load_corpus(out).records if record.severities]


def _middle(source: Path) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(read_middle(source.read_bytes(), SIDE)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _mean(record: Record, specs: dict[str, HeadSpec]) -> float:
    ((label, severity),) = record.severities.items()
    parameters = specs[label].parameters
    assert parameters is not None  # every kind of KADID-10k has some
    found = opinion(label, parameters(severity))
    assert found is not None
    return found
