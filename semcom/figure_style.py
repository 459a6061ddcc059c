"""How figures of runs look: style, colours, markers, names of the axes, title.

Colours are those of Okabe and Ito (2008), which people with any colour vision can tell apart, and
every transmitter has a marker of its own besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from channels.plots import COLOURS as OKABE_ITO
from channels.plots import MARKERS
from semcom.scenario import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FAINT",
    "INK",
    "LEGEND",
    "MARKERS",
    "OKABE_ITO",
    "QUALITIES",
    "STYLE",
    "colour_of",
    "draw_originals",
    "look_of",
    "rows_by",
    "title_above",
]

Rows = Sequence[dict[str, Any]]

INK, FAINT = "#222222", "#8A8A8A"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.labelsize": 11.5,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "lines.linewidth": 2.0,
    "lines.markersize": 6.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "pdf.fonttype": 42,  # fonts stay text in a paper
    "svg.hashsalt": "semcom",  # names inside that are the same each time
}
LEGEND: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (-0.01, 1.06),
    "ncols": 2,
    "borderaxespad": 0,
    "columnspacing": 1.8,
}
#: one colour has no spread of features, which a distance between spreads may even reward
FLAT = "lower is better, among pictures that arrived"
#: column, axis label, direction of better
QUALITIES = (
    ("miou", "mIoU of the received picture", "higher is better"),
    ("accuracy", "Accuracy of the crop classifier", "higher is better"),
    ("frechet_efficientnet_lite0", "Fréchet distance\n(EfficientNet-Lite0)", FLAT),
    ("fid", "FID", FLAT),
    ("kid_efficientnet_lite0", "Kernel distance\n(EfficientNet-Lite0)", FLAT),
    ("kid", "KID", FLAT),
    ("semantic_information", "Semantic information (SI)", "higher is better"),
    ("psnr_db", "PSNR (dB)", "higher is better"),
    ("ms_ssim", "MS-SSIM", "higher is better"),
    ("hed_vgg", "HED-VGG perceptual distance", "lower is better"),
)
#: scores of the original pictures that say what no codec can be above
SCORES = ("miou", "accuracy")


def title_above(figure: Figure, title: str, what: str) -> None:
    """A bold title, and below it in small letters ``what`` was done."""
    height = figure.get_figheight()
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, 1 - 0.68 / height))
    figure.text(0.012, 1 - 0.08 / height, title, va="top", fontsize=14, fontweight="bold")
    figure.text(0.012, 1 - 0.38 / height, what, va="top", fontsize=10, color="#555555")


def draw_originals(axis: Axes, row: dict[str, Any], column: str, left: bool = False) -> None:
    """A dotted line at the score of the uncoded pictures, where that says something.

    Its name stands at its right end, or at its ``left`` one where curves rise to the right.
    """
    if column not in SCORES or row.get(column) is None:
        return
    axis.axhline(row[column], color=INK, linestyle=(0, (1, 2)), linewidth=1.4)
    # the ceiling is at the top, what a worse camera leaves may be at the bottom
    above = row["label"] != REFERENCE
    left = left or above
    axis.annotate(
        row["label"],
        (0.005 if left else 0.995, row[column]),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3 if above else -3),
        textcoords="offset points",
        ha="left" if left else "right",
        va="bottom" if above else "top",
        fontsize=9.5,
    )


def rows_by(rows: Rows, column: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of each value of ``column``, in the order of first appearance."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    yield from found.items()


def look_of(number: int) -> dict[str, Any]:
    """Colour and marker of the ``number``-th transmitter, for ``Axes.plot``."""
    return {
        "color": colour_of(number),
        "marker": MARKERS[number % len(MARKERS)],
        "markeredgecolor": "white",
    }


def colour_of(number: int) -> str:
    """Colour of the ``number``-th transmitter."""
    return OKABE_ITO[number % len(OKABE_ITO)]
