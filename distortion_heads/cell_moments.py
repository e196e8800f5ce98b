"""What the engines give, and the pooling of windows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.views.windows import Window

POOLED_VALUES = 2**19
"""Values that are pooled at once: bounds the memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellMoments:
    """What the engines give, float32 (2 * channels, rows, columns): any window is pooled from it.

    It may hold the cells from row `top` on only, of a grid that is larger.
    """

    values: NDArray[np.float32]
    top: int = 0

    @property
    def rows(self) -> int:
        return int(self.values.shape[1])

    @property
    def columns(self) -> int:
        return int(self.values.shape[2])

    def means(self, windows: Sequence[Window]) -> NDArray[np.float64]:
        """(K, 2 * channels): mean and mean square of all activations in each window.

        A window's mean is that of its columns' means. So two products with small matrices, one row for each range of
        rows and one column for each range of columns, average over all windows that these ranges make.
        """
        vertical = sorted({(w.top - self.top, w.bottom - self.top) for w in windows})
        horizontal = sorted({(w.left, w.right) for w in windows})
        over_rows, over_columns = _averaging(vertical, self.rows), _averaging(horizontal, self.columns).T
        rows = [vertical.index((w.top - self.top, w.bottom - self.top)) for w in windows]
        columns = [horizontal.index((w.left, w.right)) for w in windows]

        def pooled(cells: NDArray[np.float64]) -> NDArray[np.float64]:
            across = (cells.reshape(-1, self.columns) @ over_columns).reshape(len(cells), self.rows, -1)
            return (over_rows @ across)[:, rows, columns].T

        channels = len(self.values) // 2
        result = np.empty((len(windows), 2 * channels))
        step = max(1, POOLED_VALUES // (self.rows * self.columns))
        for start in range(0, channels, step):
            some = slice(start, min(start + step, channels))
            mean = self.values[some].astype(np.float64)
            square = mean * mean + self.values[channels:][some]
            result[:, some], result[:, channels:][:, some] = pooled(mean), pooled(square)
        return result


def _averaging(ranges: Sequence[tuple[int, int]], length: int) -> NDArray[np.float64]:
    """(ranges, length): each row averages over one half-open range."""
    matrix = np.zeros((len(ranges), length))
    for row, (start, stop) in zip(matrix, ranges, strict=True):
        row[start:stop] = 1 / (stop - start)
    return matrix
