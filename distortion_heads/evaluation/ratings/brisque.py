"""BRISQUE (Mittal, Moorthy, Bovik 2012): its features and a support vector machine, fitted on rated pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDS = 5
NAME, TITLE = "brisque", "BRISQUE + SVR"
_PENALTY = 10.0


def fit_brisque(features: NDArray[np.float64], opinions: NDArray[np.float64]) -> Pipeline:
    """Fit to features (n, 36) and opinions (n,); `predict` gives opinions."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    machine: Any = TransformedTargetRegressor(SVR(C=_PENALTY), transformer=StandardScaler())
    return make_pipeline(StandardScaler(), machine).fit(features, opinions)


def out_of_fold(
    features: NDArray[np.float64], opinions: NDArray[np.float64], scenes: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64] | None:
    """Return for each picture the opinion of a machine that saw no picture of its scene, (n,).

    Scenes are dealt to at most five folds. None of one scene.
    """
    from sklearn.model_selection import GroupKFold

    count = min(FOLDS, len(np.unique(scenes)))
    if count < 2:
        return None
    found = np.empty(len(opinions))
    folds = GroupKFold(count, shuffle=True, random_state=seed)
    for fit, held in folds.split(features, opinions, scenes):
        found[held] = fit_brisque(features[fit], opinions[fit]).predict(features[held])
    return found
