"""Polygon.io, which is called Massive by now: its REST interface, its stream, and what is peculiar to both."""

from typing import Final

KEY_VARIABLE: Final = "POLYGON_API_KEY"
