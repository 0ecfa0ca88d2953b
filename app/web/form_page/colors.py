"""The accent colour of a form, kept readable whatever an admin chooses (WCAG 2.2: 4.5 for text, 3 for edges)."""

from functools import lru_cache

PAPER = "#ffffff"
DARK_PAPER = "#16191a"
_INK, _BLACK, _WHITE = "#101414", "#000000", "#ffffff"
_TEXT, _EDGE = 4.5, 3.0
_STEP = 0.06


@lru_cache(maxsize=256)
def stylesheet(accent: str) -> str:
    """The custom properties of one accent: itself, the text on it, and its edge on light and on dark paper.

    :param accent: ``#rrggbb``
    """
    return (
        f":root{{--accent:{accent};--on-accent:{on(accent)};"
        f"--edge-light:{readable(accent, PAPER, _TEXT)};--edge-dark:{readable(accent, DARK_PAPER, _TEXT)}}}"
    )


def on(accent: str) -> str:
    """The text that is read well on this colour: white or ink, and black on the few where neither is enough.

    White or black stands out by 4.58 at least from any colour there is (the square root of 21).
    """
    best = max((_WHITE, _INK), key=lambda ink: contrast(ink, accent))
    return best if contrast(best, accent) >= _TEXT else max((_WHITE, _BLACK), key=lambda ink: contrast(ink, accent))


def readable(colour: str, paper: str, ratio: float = _EDGE) -> str:
    """The colour, moved towards black or white until it stands out from the paper."""
    target = _INK if _luminance(paper) > 0.18 else _WHITE
    share = 0.0
    shifted = colour
    while contrast(shifted, paper) < ratio and share < 1:
        share += _STEP
        shifted = _mixed(colour, target, min(share, 1.0))
    return shifted


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _mixed(colour: str, target: str, share: float) -> str:
    channels = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in channels)


def _channels(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if (value := channel / 255) <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
