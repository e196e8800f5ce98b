"""Convolution of a picture with a point-spread function, by FFT: its cost hardly depends on the kernel's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage


def convolve(image: FloatImage, kernel: NDArray[np.float64], *, linear_light: bool = False) -> FloatImage:
    """Convolve each channel of an HWC picture in [0, 1] with `kernel`, normalised to sum 1; float32 HWC in [0, 1].

    `kernel` has odd sides. Borders are mirrored. With `linear_light` the average is taken over intensities, as a lens
    and a sensor do, instead of code values; the transfer curve is approximated by gamma 2.
    """
    source = image * image if linear_light else image
    blurred = np.clip(_filter(source, (kernel / kernel.sum()).astype(np.float32)), 0.0, 1.0)
    return np.sqrt(blurred) if linear_light else blurred


def _filter(image: FloatImage, kernel: NDArray[np.float32]) -> FloatImage:
    """Circular convolution of the mirrored-out picture; wrap-around touches only the margins, which are cut off."""
    from scipy.fft import irfft2, next_fast_len, rfft2

    height, width = image.shape[:2]
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(image.transpose(2, 0, 1), ((0, 0), (rows, rows), (columns, columns)), mode="symmetric")
    size = [next_fast_len(side, real=True) for side in padded.shape[1:]]
    filtered = irfft2(rfft2(padded, size) * rfft2(kernel, size), size)
    valid = filtered[:, 2 * rows : 2 * rows + height, 2 * columns : 2 * columns + width]
    return np.ascontiguousarray(valid.transpose(1, 2, 0), dtype=np.float32)
