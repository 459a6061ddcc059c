"""Lines of text about points and summaries, the same in a terminal and in a log file."""

from __future__ import annotations

from typing import Any

from semcom.events import Point, Started

__all__ = ["bit_budget", "duration", "head", "opening", "point_lines"]

_COLUMNS = (
    ("Es/N0", "dB", 7),
    ("Eb/N0", "dB", 7),
    ("transmitter", "", 24),
    ("bits", "/pixel", 8),
    ("images", "", 7),
    ("payloads", "", 9),
    ("lost", "", 7),
    ("BLER", "", 9),
    ("mIoU", "", 7),
)


def duration(seconds: float | None) -> str:
    """Seconds as people say them.

    >>> duration(5.2), duration(83), duration(7500), duration(None)
    ('5 s', '1 min 23 s', '2 h 05 min', '...')
    """
    if seconds is None:
        return "..."
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def opening(event: Started) -> str:
    """What a run is about to do, in one line.

    >>> opening(Started(images=32, transmitters=4, points=12, tasks=1664, done=0))
    '32 images x 4 transmitters x 12 points and one without a channel: 1664 tasks'
    """
    text = (
        f"{event.images} images x {event.transmitters} transmitters x {event.points} points "
        f"and one without a channel: {event.tasks} tasks"
    )
    if event.skipped:
        text += f", unreadable and left out: {len(event.skipped)}"
    return text + (f", {event.done} of them done" if event.done else "")


def head() -> list[str]:
    """Two lines above :func:`point_lines`."""
    names = [_cell(name, width) for name, _, width in _COLUMNS]
    units = [_cell(unit, width) for _, unit, width in _COLUMNS]
    lines = [" ".join(names) + "  time left", " ".join(units)]
    return [line.rstrip() for line in lines]


def point_lines(event: Point) -> list[str]:
    """One line per transmitter; the time left stands in the last."""
    lines = [_line(row) for row in event.rows]
    if lines:
        lines[-1] += f"  {duration(event.seconds_left)}"
    return lines


def bit_budget(bits: dict[str, int], pixels: int) -> list[str]:
    """Where the bits of a picture went, a line for each part and one for the sum.

    >>> print(*bit_budget({"header": 64, "indices": 960}, 256 * 512), sep="\\n")
    header         64 bits  0.0005 bits per pixel
    indices       960 bits  0.0073 bits per pixel
    all          1024 bits  0.0078 bits per pixel
    """
    rows = {**bits, "all": sum(bits.values())}
    width = max(map(len, rows)) + 2
    return [
        f"{part:<{width}}{count:>8} bits  {count / pixels:.4f} bits per pixel"
        for part, count in rows.items()
    ]


def _line(row: dict[str, Any]) -> str:
    none = row["esn0_db"] is None
    cells = [
        "none" if none else f"{row['esn0_db']:.2f}",
        "" if row["ebn0_db"] is None else f"{row['ebn0_db']:.2f}",
        row["label"],
        "" if row["bits_per_pixel"] is None else f"{row['bits_per_pixel']:.4f}",
        str(row["images"]),
        str(row["payloads"]),
        "" if none else str(row["payloads_lost"]),
        "" if none or row["bler"] is None else _bler(row),
        _number(row.get("miou")),
    ]
    widths = [width for _, _, width in _COLUMNS]
    return " ".join(_cell(cell, width) for cell, width in zip(cells, widths, strict=True))


def _bler(row: dict[str, Any]) -> str:
    """The rate, or its upper bound where no error was seen."""
    return f"{row['bler']:.1e}" if row["bler"] else f"<{row['bler_high']:.1e}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def _cell(text: str, width: int) -> str:
    if width == 24:  # the only column of words
        return text[:width].ljust(width)
    return text.rjust(width)
