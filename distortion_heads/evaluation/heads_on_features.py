"""The two methods on frozen features: heads fitted on the training part, and the attached heads as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.method import Judge
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.spec import View
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, train_head
from distortion_heads.training.runs.judge import HeadJudge

FORMAT = "2"
"""Changes whenever the same records and seed give other heads."""


@dataclass(frozen=True, kw_only=True)
class _OnFeatures:
    name: str
    features: RecordFeatures

    @property
    def backbone(self) -> str:
        return str(self.features.backbone.ref)


@dataclass(frozen=True, kw_only=True)
class FrozenMethod(_OnFeatures):
    """A head per label on the frozen backbone, fitted, calibrated and given a threshold as `dheads add-head` does.

    `views`: that of each label that has a view of its own; all others read native windows.
    """

    views: Mapping[str, View]

    @property
    def key(self) -> str:
        views = ",".join(sorted(f"{label}:{view}" for label, view in self.views.items() if view != "native"))
        package = version("distortion-heads")
        return f"frozen {FORMAT} {package} {self.features.key} views {views}"

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        heads = []
        views = {label: self.views.get(label, "native") for label in labels}
        packed = {
            view: [
                Examples.pack(self.features.of(part, view), [not r.clean for r in part]) for part in (train, validation)
            ]
            for view in set(views.values())
        }
        for label, view in views.items():
            parts = zip(packed[view], (train, validation), strict=True)
            fit, hold = (_labelled(examples, records, label) for examples, records in parts)
            title = label.replace("_", " ").capitalize()
            card = HeadCard(label=label, title=title, family="other", license=UNSPECIFIED, view=view)
            head = train_head(fit, hold, card, self.features.backbone.ref, _provenance(fit, seed), seed=seed)
            heads.append(head)
        return HeadJudge(tuple(heads), self.features)


@dataclass(frozen=True, kw_only=True)
class ShippedMethod(_OnFeatures):
    """The attached heads as they are: nothing is fitted. `heads` by label."""

    heads: Mapping[str, HeadFile]

    @property
    def key(self) -> str:
        digest = hashlib.sha256()
        for label in sorted(self.heads):
            digest.update(hashlib.sha256(dump_head(self.heads[label], "float32")).digest())
        return f"shipped {FORMAT} {self.features.key} {digest.hexdigest()}"

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it can judge."""
        return frozenset(self.heads)

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        if missing := [label for label in labels if label not in self.heads]:
            raise DataError(f"no head is attached for {', '.join(missing)}: leave these labels out")
        return HeadJudge(tuple(self.heads[label] for label in labels), self.features)


def _labelled(examples: Examples, records: Sequence[Record], label: str) -> Examples:
    return replace(examples, labels=np.array([label in record.severities for record in records], bool))


def _provenance(fit: Examples, seed: int) -> Provenance:
    positive = int(fit.labels.sum())
    negative, command = len(fit) - positive, "dheads evaluate"
    return Provenance(data="evaluation", data_sha256="", n_pos=positive, n_neg=negative, seed=seed, command=command)
