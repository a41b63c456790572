"""Draws the pictures of the documentation: `make pictures` writes samples/pictures/."""

import io
import os
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console, Group

from migrate_mfa.cli.live_view import live_rows
from migrate_mfa.ports import CategoryPace, ProgressUpdate, RowFailure
from tests.support.chromium import find_chromium
from tests.tools.pictures.page import draw_page

FOLDER: Final = Path(__file__).resolve().parents[3] / "samples" / "pictures"
_NOON: Final = 1_700_049_600.0
# Rich's own format, but for the fonts that it would load from elsewhere.
_FORMAT: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
 aria-label="The live view of a run">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
EXAMPLE: Final = ProgressUpdate(
    stage="writing",
    done=11_904,
    total=19_162,
    outcomes=(("verified", 11_846), ("failed", 12), ("skipped", 46)),
    failed_by=(("rejected", 8), ("gave_up", 4)),
    failures=(RowFailure(9_377, "gave_up", ""), RowFailure(11_018, "rejected", "InvalidParameterException")),
    most_failures=0.01,
    paces=(
        CategoryPace("UserRead", 122.4, 500, 1000, 0),
        CategoryPace("UserUpdate", 58.0, 125, 250, 3),
        CategoryPace("UserResourceUpdate", 61.2, 125, 250, 0),
    ),
    seconds_left=282.0,
    seconds_running=182.0,
    credentials_end=_NOON + 2280,
    slowed_by="throttled by UserUpdate: 58/s",
)


def live_view() -> str:
    """The picture, as SVG without a reference to anything outside of it."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    console = Console(
        record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Group(*live_rows(EXAMPLE, width=80, height=24, now=_NOON)))
    return console.export_svg(title="migrate-mfa run", code_format=_FORMAT, unique_id="live")


def main() -> int:
    """Write the pictures. Returns 1 where there is no Chromium to draw the page with."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "live-view.svg").write_text(live_view(), encoding="utf-8")
    if (program := find_chromium()) is None:
        print("report.png stays: there is no Chromium here (Debian: chromium).", file=sys.stderr)  # noqa: T201
        return 1
    draw_page(program, FOLDER / "report.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
