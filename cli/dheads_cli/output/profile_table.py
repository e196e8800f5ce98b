"""The list of a user's profiles: what each promises, and from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dheads_cli.output.console import complain, printable, stdout_stream, table_text
from distortion_heads.errors import ProfileError
from distortion_heads.reports.pictures import to_json_line

if TYPE_CHECKING:
    from distortion_heads.registry.profiles import Profiles


def write_profiles(profiles: Profiles, as_json: bool) -> None:
    """Write a row, or a JSON object, per profile; a broken one is a line on stderr."""
    found = []
    for name in profiles.names():
        try:
            found.append((name, profiles.load(name)))
        except ProfileError as error:
            complain(f"warning: {error}")
    stream = stdout_stream(machine=as_json)
    if as_json:
        for name, profile in found:
            facts = {"name": name, "promise": profile.promise, "rate": profile.rate, "confidence": profile.confidence}
            counts = {"clean": profile.clean, "any_alarms": profile.any_alarms, "backbone": str(profile.backbone)}
            stream.write(f"{to_json_line({**facts, **counts})}\n")
        return
    rows = [
        [name, profile.said, f"{profile.clean} of {printable(profile.data)}", str(len(profile.heads))]
        for name, profile in found
    ]
    if not rows:
        stream.write("no profile: make one with `dheads calibrate --clean DIR`\n")
        return
    stream.write(table_text(["profile", "promise", "clean pictures", "heads"], rows, {"profile": "cyan"}))
