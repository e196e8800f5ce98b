"""`dheads compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.output.console import complain, plain_table, printable, stdout_stream, table_text
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra

if TYPE_CHECKING:
    from distortion_heads.io.pairs import Pair
    from distortion_heads.io.rgb import Loaded
    from distortion_heads.metrics.reference.metric import ReferenceMetric
    from distortion_heads.metrics.reference.table import Comparison

FOLDER_METRICS = ("psnr", "ssim", "ms_ssim", "vif", "fsimc", "vsi", "gmsd", "sff")
"""Columns of the table for folders, where not all have room; JSON has all."""


@click.command()
@click.argument("reference", metavar="REF")
@click.argument("distorted", metavar="DIST")
@click.option("--metrics", metavar="A,B", help="Of: psnr, ssim, ms_ssim, iw_ssim, vif, fsim, fsimc, sr_sim, vsi, "
              "haarpsi, dss, mdsi, gmsd, ms_gmsd, sff (default: all).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object for each pair.")
@click.option("--map", "map_to", type=click.Path(path_type=Path), metavar="FILE.png",
              help="Draw where the pictures differ; of folders, a folder of such pictures.")  # fmt: skip
def compare(reference: str, distorted: str, metrics: str | None, as_json: bool, map_to: Path | None) -> int:
    """Say how much the picture DIST differs from the original REF, by full-reference metrics.

    Two folders are paired by name; a file and a folder give a pair for each picture of the folder. Only pictures of one
    size can be compared. Some metrics grow with the damage and some fall: the table says which value means equal.

    Exit status: 0 all pairs compared, 1 some failed (the others are still reported), 2 wrong usage.
    """
    from distortion_heads.io.pairs import find_pairs
    from distortion_heads.metrics.reference.table import find_metrics

    several = Path(distorted).is_dir()
    chosen = find_metrics(_names(metrics) or (FOLDER_METRICS if several and not as_json else None))
    pairs = list(find_pairs(reference, distorted))
    out, results = stdout_stream(machine=as_json), []
    with needs_train_extra("dheads compare"), progress_bar(wanted=several) as bar:
        for done, pair in enumerate(pairs):
            bar.show(done, len(pairs), "pairs", f"{done} of {len(pairs)}")
            with bar.hidden():
                found = _attempt(pair, chosen, map_to, several)
                if as_json:
                    out.write(_line(pair, found))
                elif isinstance(found, str):
                    complain(f"{pair.distorted}: {found}")
            if not isinstance(found, str):
                results.append((pair, found))
    if results and not as_json:
        out.write(_many(results, chosen) if several else _one(results[0][1], chosen))
    return 0 if len(results) == len(pairs) else 1


def _names(text: str | None) -> list[str] | None:
    """Return the names in "A,B". Raises `BadParameter`."""
    from distortion_heads.metrics.reference.table import METRICS

    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or set(names) - METRICS.keys():
        raise click.BadParameter(f"choose of {','.join(METRICS)}", param_hint="--metrics")
    return names


def _attempt(pair: Pair, chosen: tuple[ReferenceMetric, ...], map_to: Path | None, several: bool) -> Comparison | str:
    """Compare one pair, or say why that fails."""
    from distortion_heads.errors import InputError

    try:
        return _compare(pair, chosen, map_to, several)
    except InputError as error:
        return str(error)


def _compare(pair: Pair, chosen: tuple[ReferenceMetric, ...], map_to: Path | None, several: bool) -> Comparison:
    """Compare one pair and draw its map. Raises `InputError`, `DataError`."""
    from distortion_heads.errors import InputError
    from distortion_heads.metrics.reference.table import compare_pixels

    if pair.error is not None:
        raise InputError(pair.error)
    reference, distorted = _load(pair.reference), _load(pair.distorted)
    found = compare_pixels(reference.pixels, distorted.pixels, chosen)
    if map_to is not None:
        from distortion_heads.reports.difference import draw_difference
        from distortion_heads.reports.files import write_files

        file = map_to / f"{pair.name}-difference.png" if several else map_to
        caption = ", ".join(f"{m.title} {found.values[m.name]:.4g}" for m in chosen[:6] if m.name in found.values)
        picture = draw_difference(reference.pixels, distorted.pixels, caption)
        write_files(file.parent, {file.name: picture}, "--map")
    return found


def _load(path: str) -> Loaded:
    from distortion_heads.errors import InputError
    from distortion_heads.io.images import load_image_with_notes

    try:
        loaded = load_image_with_notes(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    transparent = () if loaded.alpha is None else ("transparent: what shows through is taken for white",)
    for note in (*loaded.notes, *transparent):
        complain(f"note: {path}: {note}")
    return loaded


def _one(found: Comparison, chosen: tuple[ReferenceMetric, ...]) -> str:
    rows = []
    for metric in chosen:
        value = found.values.get(metric.name)
        shown = "-" if value is None else f"{value:.4f}"
        better = "more is better" if metric.higher_better else "less is better"
        rows.append([metric.title, shown, better, metric.range_text, "color" if metric.color else "luma"])
    notes = "".join(f"note: {reason}\n" for reason in found.missing.values())
    return table_text(("metric", "value", "", "range", "sees"), rows, {"value": "bold"}, spare="sees") + notes


def _many(results: list[tuple[Pair, Comparison]], chosen: tuple[ReferenceMetric, ...]) -> str:
    import numpy as np

    rows = [["picture", *(f"{metric.title} {'↑' if metric.higher_better else '↓'}" for metric in chosen)]]
    for pair, found in results:
        rows.append([printable(pair.name), *(_cell(found.values.get(m.name)) for m in chosen)])
    means = [[f.values[m.name] for _, f in results if m.name in f.values] for m in chosen]
    rows.append(["mean", *(_cell(float(np.mean(values)) if values else None) for values in means)])
    reasons = dict.fromkeys(reason for _, found in results for reason in found.missing.values())
    return plain_table(rows) + "".join(f"note: {reason}\n" for reason in reasons)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _line(pair: Pair, found: Comparison | str) -> str:
    from distortion_heads.reports.pictures import to_json_line

    value: dict[str, Any] = {"reference": pair.reference or None, "distorted": pair.distorted}
    if isinstance(found, str):
        value["error"] = found
    else:
        value["metrics"] = {name: round(number, 6) for name, number in found.values.items()}
        if found.missing:
            value["missing"] = dict(found.missing)
    return f"{to_json_line(value)}\n"
