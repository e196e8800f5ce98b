"""`dheads train --recipe lai`: classes and pseudo-opinions where the pictures have scores, else people's opinions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from distortion_heads.heads.head import HeadFile, Scale
from distortion_heads.reports.files import write_files
from distortion_heads.training.heads.quality_head import HIGH, LOW
from distortion_heads.training.networks.recipes import lai_mixed, lai_ratings
from distortion_heads.training.runs.learn_opinions import (
    find_classes,
    learn_opinions,
    learn_pseudo_opinions,
    pseudo_opinions,
)
from distortion_heads.training.runs.learn_scores import in_range
from distortion_heads.training.runs.opinions_of_records import Opinions
from distortion_heads.training.runs.score_run import RATED_LABEL, ScoreRun

PSEUDO_LABEL = "predicted_pseudo_mos"
TOLD = "told.json"


def pre_train(learning: ScoreRun) -> list[HeadFile]:
    """Learn classes and pseudo-opinions; return a head of the latter, and write how well classes are told."""
    run, site, parts = learning.run, learning.site, learning.parts
    classes = find_classes([record for records in parts.values() for record in records])
    recipe = lai_mixed(run.choice.recipe, run.given) if classes.several else run.choice.recipe
    done = learn_pseudo_opinions(replace(run.choice, recipe=recipe), site, parts, classes)
    if site.processes.is_first:
        told = {"classes": list(classes.names), "several": classes.several, "told": dict(done.told)}
        write_files(run.out, {TOLD: (json.dumps(told, indent=1) + "\n").encode()})
    scale = Scale(
        low=LOW,
        high=HIGH,
        meaning="1 + 4 x the mean of six metrics with the original, 5 for a picture like it",
        target="mean of SSIM, MS-SSIM, 1 - MDSI, VSI, FSIMc and 1 - GMSD",
    )
    target = (LOW + (HIGH - LOW) * pseudo_opinions(parts["test"])).astype(np.float32)
    card = learning.card(PSEUDO_LABEL, "Mean of six metrics without the original")
    return [learning.head(card, done.features, in_range(done.layers, LOW, HIGH), scale, target)]


def learn_rated(learning: ScoreRun, opinions: Opinions) -> list[HeadFile]:
    """Learn opinions, and return a head of them on their own range."""
    run, site = learning.run, learning.site
    choice = replace(run.choice, recipe=lai_ratings(run.choice.recipe, run.given))
    low, high = opinions.low, opinions.high
    done = learn_opinions(
        choice,
        site,
        learning.parts,
        lambda records: ((opinions.of(records, site.registry) - low) / (high - low)).astype(np.float32),
    )
    scale = Scale(low=low, high=high, meaning=opinions.meaning, target=opinions.target)
    target = opinions.of(learning.parts["test"], site.registry).astype(np.float32)
    card = learning.card(RATED_LABEL, "Quality as rated")
    return [learning.head(card, done.features, in_range(done.layers, low, high), scale, target)]
