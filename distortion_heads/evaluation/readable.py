"""Which records of a dataset can be read, found out before any of them is in a part of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.datasets.clips import read_pictures
from distortion_heads.datasets.record import Record
from distortion_heads.errors import InputError
from distortion_heads.evaluation.method import Method
from distortion_heads.io.unread import Unread
from distortion_heads.training.features.records import RecordFeatures


def unread_records(
    records: Sequence[Record],
    methods: Sequence[Method],
    frames: int,
    progress: Callable[[int, int], None],
) -> tuple[Unread, ...]:
    """Return the records that cannot be read, `frames` of each video; `progress` is called with how many were tried.

    Where a method reads features, these are made now and are kept for it; else the files are only decoded.
    """
    features = next((each for method in methods if (each := getattr(method, "features", None)) is not None), None)
    if isinstance(features, RecordFeatures):
        return features.unread(records, progress)
    failed = []
    with helpers(usable_cores(), "read") as pool:
        for done, reason in enumerate(pool.map(lambda record: _problem(record, frames), records), 1):
            if reason is not None:
                failed.append(Unread(records[done - 1].path, reason))
            progress(done, len(records))
    return tuple(failed)


def _problem(record: Record, frames: int) -> str | None:
    try:
        read_pictures(record, frames)
    except InputError as error:
        return str(error)
    return None
