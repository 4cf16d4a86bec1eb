"""Values as they may stand in HTML and SVG: escaped, and what could steer a reader shown as text (T61)."""

from __future__ import annotations

import html


def shown(value: object) -> str:
    """Any value as text of a page or an attribute.

    Control characters and those that turn the direction of writing are written out as escapes: a name cannot
    look like another one, and nothing a name holds is markup.
    """
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in str(value))
    return html.escape(text, quote=True)


def number(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def size(value: int) -> str:
    """A number of bytes as people read it."""
    steps = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
    return next((f"{value / step:,.1f} {unit}" for step, unit in steps if value >= step), f"{value} B")
