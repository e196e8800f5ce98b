"""ICC profiles of known gamuts, written by hand."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
"""Columns: the XYZ of red, green and blue, adapted to D50."""

WIDE = {
    "Display P3": ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)),
    "Adobe RGB (1998)": ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)),
    "ProPhoto RGB": ((0.79767, 0.13519, 0.03134), (0.28804, 0.71188, 0.00008), (0.0, 0.0, 0.82491)),
}
GAMMAS = {"Adobe RGB (1998)": 2.19921875, "ProPhoto RGB": 1.80078125}


def light(values: NDArray[Any], gamma: float | None) -> NDArray[Any]:
    """Values in [0, 1] to light, by a power or, without one, by the curve of sRGB."""
    if gamma is not None:
        return np.asarray(values**gamma)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def profile_of(name: str, columns: tuple[tuple[float, ...], ...], gamma: float | None) -> bytes:
    """Write an ICC profile of version 2 with a matrix and one curve."""
    fixed = [[round(value * 65536) for value in row] for row in columns]
    steps = np.rint(light(np.linspace(0, 1, 1024), gamma) * 65535).astype(">u2")
    curve = struct.pack(">4sII", b"curv", 0, 1 if gamma else len(steps))
    curve += struct.pack(">H", round(gamma * 256)) if gamma else steps.tobytes()
    text = name.encode() + b"\0"
    parts = {
        b"desc": struct.pack(">4sII", b"desc", 0, len(text)) + text + bytes(78),
        b"wtpt": struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061),
        **{
            tag: struct.pack(">4sI3i", b"XYZ ", 0, *(row[at] for row in fixed))
            for at, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, start = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        table += tag + struct.pack(">II", start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    header = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + table + body


def wide(name: str) -> bytes:
    return profile_of(name, WIDE[name], GAMMAS.get(name))
