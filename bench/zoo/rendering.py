"""Lines and pages of text as pictures, with Pillow's own font: what text recognizers are fed."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from optim.arrays import Array


def line(text: str, width: int, height: int, rng: np.random.Generator) -> Array:
    """One line [3, height, width] in [-1, 1], its size, slant, contrast and sharpness at random."""
    paper, ink = rng.integers(170, 256), rng.integers(0, 90)
    image = Image.new("L", (width, height), int(paper))
    font = ImageFont.load_default(size=int(rng.integers(height // 2, height * 3 // 4)))
    ImageDraw.Draw(image).text((4, int(rng.integers(0, height // 4))), text, int(ink), font)
    return _photographed(image, float(rng.uniform(-1.5, 1.5)), int(paper), rng)


def page(texts: list[str], side: int, rng: np.random.Generator) -> Array:
    """Several lines [3, side, side] in [-1, 1], one below the other at various indents."""
    paper, top = int(rng.integers(170, 256)), 8
    image = Image.new("L", (side, side), paper)
    draw = ImageDraw.Draw(image)
    for text in texts:
        size = int(rng.integers(14, 34))
        font = ImageFont.load_default(size=size)
        draw.text((int(rng.integers(4, side // 4)), top), text, int(rng.integers(0, 90)), font)
        top += size + int(rng.integers(6, 30))
    return _photographed(image, float(rng.uniform(-2, 2)), paper, rng)


def _photographed(
    image: Image.Image, degrees: float, paper: int, rng: np.random.Generator
) -> Array:
    turned = image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=paper)
    soft = turned.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.8))))
    grey = np.asarray(soft, np.float32) + rng.normal(0, rng.uniform(0, 8), soft.size[::-1])
    scaled = np.clip(grey, 0, 255) / 127.5 - 1
    return np.repeat(scaled[None], 3, axis=0).astype(np.float32)
