"""The file ``report.html``: page, style, program and data put together."""

from __future__ import annotations

import html
import json
import re
from importlib import resources
from pathlib import Path

from semcom.files import write_atomically
from semcom.report.content import collect
from semcom.report.shown import collect_pictures
from semcom.results import Results
from semcom.summary import read_summary

__all__ = ["write_report"]


def write_report(folder: Path, *, images: int = 8) -> Path:
    """Write ``report.html`` into the results ``folder``; returns its path.

    Shows up to ``images`` pictures, fewer where they would take more than 12 MiB. Raises
    FileNotFoundError if there are no results and ValueError if they are damaged.
    """
    rows = read_summary(folder / "summary.csv")
    results = Results.read(folder)
    content = collect(rows, results, folder)
    content["pictures"] = collect_pictures(results, folder, images)
    path = folder / "report.html"
    write_atomically(path, _page(content["title"], json.dumps(content, separators=(",", ":"))))
    return path


def _page(title: str, data: str) -> str:
    parts = {
        "title": html.escape(title),
        "style": _part("page.css"),
        "program": _part("page.js"),
        # nothing inside can end the element that holds it
        "data": data.replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _part("page.html"))


def _part(name: str) -> str:
    return resources.files("semcom.report").joinpath(name).read_text(encoding="utf-8")
