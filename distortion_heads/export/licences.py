"""Say which licences let a head be passed on: its own, and those of the pictures that it was trained on.

Whether weights are a work derived from their training pictures is not settled; the cautious answer is taken here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile

UNSTATED = ("", "unspecified")
"""Words of a head file whose owner chose no licence."""

UNKNOWN = "unknown"
"""The word for pictures whose licences are not known."""

_FORBIDDEN = re.compile(r"(?i:all rights reserved|proprietary|confidential|unlicensed|no[ -]?deriv)|\bND\b")
_NON_COMMERCIAL = re.compile(r"(?i:non[ -]?commercial|\bresearch\b|\bacademic\b|\beducational\b)|\bNC\b")


def is_forbidden(text: str) -> bool:
    """Return whether these words allow nothing to be passed on, or nothing that was made from it."""
    return _FORBIDDEN.search(text) is not None


def is_non_commercial(text: str) -> bool:
    """Return whether these words allow no commercial use."""
    return _NON_COMMERCIAL.search(text) is not None


def head_licence(head: HeadFile, given: str | None) -> str:
    """Return the SPDX expression of the head's own licence: what its file says, else what is `given`.

    Raises `DataError` if there is none, two that differ, or one that is no SPDX expression.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    own = "" if head.license.strip() in UNSTATED else head.license.strip()
    if not (own or given):
        raise DataError(
            f"head {head.label!r} has no licence: say under which others may use it, as in --licence Apache-2.0"
        )
    try:
        found = [str(canonicalize_license_expression(text)) for text in (own, given) if text]
    except InvalidLicenseExpression:
        raise DataError(
            f"head {head.label!r}: {own or given!r} is no SPDX expression such as Apache-2.0 or CC-BY-4.0; terms of"
            " your own are called LicenseRef-NAME"
        ) from None
    if len(set(found)) > 1:
        raise DataError(
            f"head {head.label!r} is under {found[0]}, not {found[1]}: leave out --licence, or train it again with"
            " `dheads add-head --license`"
        )
    return found[0]


def picture_licences(head: HeadFile, given: Sequence[str]) -> tuple[str, ...]:
    """Return the licences of the training pictures: what the head file says, else what is `given`, without "unknown".

    Raises `DataError` if neither says anything.
    """
    stated = head.provenance.image_licenses or tuple(given)
    if not stated:
        raise DataError(
            f"head {head.label!r} does not say under which licences its training pictures are: say it with"
            f" --picture-licence (as often as need be), or --picture-licence {UNKNOWN}"
        )
    return tuple(dict.fromkeys(text for text in stated if text.lower() != UNKNOWN))


def check_may_pass_on(label: str, licences: Iterable[str], *, non_commercial: bool) -> None:
    """Raise `DataError` if one of the licences of a head or of its pictures forbids to pass the head on."""
    for text in licences:
        if is_forbidden(text):
            raise DataError(f"head {label!r} cannot be passed on: {text!r} forbids it; train it on other pictures")
        if is_non_commercial(text) and not non_commercial:
            raise DataError(f"head {label!r}: {text!r} allows no commercial use: give --non-commercial to pack it so")


def joint_licence(expressions: Iterable[str]) -> str:
    """Return the SPDX expression of a package whose heads are under these."""
    each = list(dict.fromkeys(expressions))
    if len(each) == 1:
        return each[0]
    return " AND ".join(f"({text})" if " OR " in text else text for text in each)
