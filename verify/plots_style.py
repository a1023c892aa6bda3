"""What all figures share: colours that colour-blind readers tell apart, and how an image is written."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

COLOURS = ("#1b6ca8", "#b8860b", "#3f8f4f", "#333333")
BOUND = "#c8553d"


def png(canvas: Figure, dpi: int = 110) -> bytes:
    """Return a figure as a PNG image that depends on nothing but what is drawn."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
