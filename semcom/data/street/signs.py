"""Faces of traffic signs and the name boards of shops, drawn with Pillow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from semcom.data.street.mesh import srgb

__all__ = ["ROUND", "SIGN_COLUMNS", "TRIANGULAR", "fascia_picture", "shop_picture", "sign_picture"]

SIGN_COLUMNS = 4
CELL = 128
#: cells of the sign picture by the shape of their plate
ROUND, TRIANGULAR, SQUARE = (0, 1, 2, 3, 4, 5), (6, 7, 8), (9, 10, 11, 12, 13, 14, 15)
RED, BLUE, WHITE, BLACK, GREEN = (
    (190, 20, 26),
    (24, 62, 150),
    (238, 238, 234),
    (16, 16, 16),
    (0, 96, 60),
)

_NAMES = (
    "BAKERY",
    "Corner Books",
    "CAFE LUNA",
    "Harris & Co",
    "PHARMACY",
    "The Red Lion",
    "OPTICS",
    "Fresh Food",
    "Shoe Repair",
    "BANK",
    "Green Grocer",
    "HAIR STUDIO",
    "Post Office",
    "Pizzeria",
    "Travel Shop",
    "Antiques",
)
_BOARDS = [
    (24, 70, 50),
    (120, 20, 26),
    (24, 36, 84),
    (28, 28, 30),
    (214, 208, 190),
    (150, 96, 24),
    (70, 30, 70),
    (20, 96, 110),
]


def _linear(picture: Image.Image) -> np.ndarray:
    return srgb(*np.asarray(picture, np.float32).transpose(2, 0, 1)).transpose(1, 2, 0) * 0.85


def _text(
    draw: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    text: str,
    size: float,
    fill: tuple[int, int, int],
) -> None:
    font = ImageFont.load_default(size=size)
    draw.text(centre, text, font=font, fill=fill, anchor="mm")


def fascia_picture(rng: np.random.Generator) -> np.ndarray:
    """Sixteen name boards one above the other, [1024, 640, 3] linear RGB."""
    picture = Image.new("RGB", (640, 1024))
    draw = ImageDraw.Draw(picture)
    for row, name in enumerate(rng.permutation(_NAMES)):
        board = _BOARDS[rng.integers(len(_BOARDS))]
        draw.rectangle((0, 64 * row, 640, 64 * row + 63), fill=board)
        ink = BLACK if sum(board) > 450 else (236, 228, 196)
        _text(draw, (320, 64 * row + 32), str(name), float(rng.uniform(34, 46)), ink)
    return _linear(picture)


def shop_picture(rng: np.random.Generator) -> np.ndarray:
    """What one makes out behind shop windows: shelves, goods, posters; [256, 512, 3]."""
    picture = Image.new("RGB", (512, 256), (34, 32, 30))
    draw = ImageDraw.Draw(picture)
    for _ in range(140):
        x, y = int(rng.integers(0, 512)), int(rng.integers(0, 256))
        w, h = int(rng.integers(5, 34)), int(rng.integers(6, 40))
        colour = tuple(int(v) for v in rng.integers(20, 90) + rng.integers(-8, 16, 3))
        draw.rectangle((x, y, x + w, y + h), fill=colour)
    for _ in range(7):
        x, y = int(rng.integers(0, 470)), int(rng.integers(40, 180))
        colour = tuple(int(v) for v in rng.integers(60, 130) + rng.integers(0, 60, 3))
        draw.rectangle((x, y, x + 34, y + 46), fill=colour)
        draw.rectangle((x + 5, y + 6, x + 29, y + 14), fill=WHITE)
    return _linear(picture) * 0.8


def sign_picture(rng: np.random.Generator) -> np.ndarray:
    """Sixteen sign faces in a 4 x 4 grid, [512, 512, 3] linear RGB; see ``ROUND`` and its like."""
    picture = Image.new("RGB", (SIGN_COLUMNS * CELL, SIGN_COLUMNS * CELL), (90, 90, 92))
    draw = ImageDraw.Draw(picture)
    for cell in range(16):
        x, y = cell % SIGN_COLUMNS * CELL, cell // SIGN_COLUMNS * CELL
        if cell in ROUND:
            _round_face(draw, x, y, cell, rng)
        elif cell in TRIANGULAR:
            _triangular_face(draw, x, y, cell)
        else:
            _board(draw, x, y, cell, rng)
    return _linear(picture)


def _round_face(
    draw: ImageDraw.ImageDraw, x: int, y: int, cell: int, rng: np.random.Generator
) -> None:
    whole, inner = (
        (x, y, x + CELL - 1, y + CELL - 1),
        (x + 18, y + 18, x + CELL - 19, y + CELL - 19),
    )
    middle = (x + CELL / 2, y + CELL / 2)
    if cell in (0, 1, 2):
        draw.ellipse(whole, fill=RED)
        draw.ellipse(inner, fill=WHITE)
        _text(draw, middle, str(rng.choice(["20", "30", "40", "50"])), 58, BLACK)
    elif cell == 3:
        draw.ellipse(whole, fill=RED)
        draw.rectangle((x + 24, y + 52, x + 104, y + 76), fill=WHITE)
    elif cell == 4:
        draw.ellipse(whole, fill=BLUE)
        draw.line((x + 36, y + 92, x + 88, y + 40), fill=WHITE, width=14)
        draw.polygon([(x + 96, y + 30), (x + 94, y + 70), (x + 58, y + 34)], fill=WHITE)
    else:
        draw.ellipse(whole, fill=RED)
        draw.ellipse(inner, fill=BLUE)
        draw.line((x + 30, y + 30, x + 98, y + 98), fill=RED, width=14)


def _triangular_face(draw: ImageDraw.ImageDraw, x: int, y: int, cell: int) -> None:
    draw.polygon([(x + 64, y + 2), (x + 126, y + 112), (x + 2, y + 112)], fill=RED)
    draw.polygon([(x + 64, y + 28), (x + 104, y + 100), (x + 24, y + 100)], fill=WHITE)
    if cell == 6:
        draw.rectangle((x + 59, y + 50, x + 69, y + 80), fill=BLACK)
        draw.ellipse((x + 58, y + 84, x + 70, y + 96), fill=BLACK)
    elif cell == 7:
        draw.ellipse((x + 56, y + 44, x + 70, y + 58), fill=BLACK)
        draw.polygon(
            [(x + 52, y + 98), (x + 58, y + 60), (x + 70, y + 60), (x + 80, y + 98)], fill=BLACK
        )
    else:
        draw.line((x + 64, y + 96, x + 64, y + 50), fill=BLACK, width=9)
        draw.line((x + 48, y + 72, x + 82, y + 72), fill=BLACK, width=9)


def _board(draw: ImageDraw.ImageDraw, x: int, y: int, cell: int, rng: np.random.Generator) -> None:
    colour = (BLUE, GREEN, WHITE, BLUE, (214, 180, 30), RED, (120, 30, 90))[cell - 9]
    ink = BLACK if sum(colour) > 380 else WHITE
    draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=ink)
    draw.rectangle((x + 5, y + 5, x + CELL - 6, y + CELL - 6), fill=colour)
    if cell == 9:
        _text(draw, (x + 64, y + 62), "P", 92, WHITE)
    elif cell in (10, 11):
        _text(
            draw, (x + 64, y + 36), str(rng.choice(["Centre", "Station", "A 14", "A 10"])), 28, ink
        )
        _text(draw, (x + 64, y + 90), str(rng.choice(["Airport", "Ring", "Market"])), 28, ink)
    elif cell == 12:
        draw.rectangle((x + 54, y + 22, x + 74, y + 104), fill=WHITE)
        draw.rectangle((x + 28, y + 22, x + 100, y + 42), fill=RED)
    else:
        _text(draw, (x + 64, y + 44), str(rng.choice(["SALE", "TO LET", "OPEN", "TAXI"])), 34, ink)
        draw.rectangle((x + 18, y + 74, x + 110, y + 84), fill=ink)
        draw.rectangle((x + 18, y + 94, x + 90, y + 102), fill=ink)
