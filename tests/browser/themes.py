"""Checks a page wide in light colors, and narrow in dark ones: violations that axe finds, and sideways scrolling."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Colors depend on the scheme and the rest on the width, so these two looks have both of each.
LOOKS: tuple[tuple[Any, int], ...] = (("light", 1280), ("dark", 320))
_IS_THERE = "typeof window.axe === 'object'"
# Without style sheets loaded again for a rule about orientation, and without a selector for each element that passes.
_RULES = "{resultTypes: ['violations'], preload: false, selectors: false, rules: {'target-size': {enabled: true}}}"


def violations(page: Page) -> list[tuple[str, str]]:
    """The violations that axe finds: the rule, and the element with its page. Loads axe once for each page."""
    if not page.evaluate(_IS_THERE):
        page.evaluate(AXE_SCRIPT)
    return [
        (found["id"], f"{page.url}: {found['id']}: {found['help']}: {node['html'][:160]}")
        for found in page.evaluate(f"axe.run({_RULES}).then((results) => results.violations)")
        for node in found["nodes"]
    ]


def in_every_look(page: Page, height: int = 900) -> list[str]:
    """The violations on the open page in both looks. The page keeps its width."""
    return in_looks(page, LOOKS, height)


def in_looks(page: Page, looks: tuple[tuple[Any, int], ...], height: int = 900) -> list[str]:
    """The violations on the open page in these looks. The page keeps its width."""
    before, found = page.viewport_size, []
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{scheme} {width}: {where}" for _, where in violations(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{scheme} {width}: {page.url}: {wide} px wide")
    if before:
        page.set_viewport_size(before)
    return found
