"""The option --pages of `dheads predict`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from distortion_heads.io.images import ImageSource
    from distortion_heads.io.inputs import Input

FIRST, ALL = "first", "all"


def parse_pages(ctx: click.Context, param: click.Parameter, value: str) -> int | str:
    """Return `first`, `all` or the number of a page, from 1. Raises `click.BadParameter`."""
    if value in (FIRST, ALL):
        return value
    if not (value.isdecimal() and value.isascii() and int(value) >= 1):
        raise click.BadParameter(f"{value!r} is neither first nor all nor the number of a page", ctx, param)
    return int(value)


def paged(items: Sequence[Input], pages: int | str, all_videos: bool, max_pixels: int | None) -> list[Input]:
    """Return the inputs with those pages of pictures that are asked for."""
    if pages == FIRST or all_videos:
        return list(items)
    from distortion_heads.io.pages import with_pages

    return list(with_pages(items, pages if isinstance(pages, int) else None, **_limit(max_pixels)))


def page_sources(items: Sequence[Input], max_pixels: int | None) -> Iterator[ImageSource]:
    """Yield what is to be loaded for each input."""
    from distortion_heads.io.pages import page_sources

    return page_sources(items, **_limit(max_pixels))


def _limit(max_pixels: int | None) -> dict[str, int]:
    return {} if max_pixels is None else {"max_pixels": max_pixels}
