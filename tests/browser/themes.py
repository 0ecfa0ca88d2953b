"""Checks a page wide in light colors, and narrow in dark ones: violations that axe finds, and sideways scrolling."""

from collections import defaultdict
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Colors depend on the scheme and the rest on the width, so these two looks have both of each.
NARROW = 320
LOOKS: tuple[tuple[Any, int], ...] = (("light", 1280), ("dark", NARROW))
_IS_THERE = "typeof window.axe === 'object'"
# Contrast takes three quarters of the time of axe, and most texts of a page look as those of the page before: all that
# decides about contrast is the text's own style, what its ancestors paint, and how they are placed. So a text is
# measured once for each look. Only what axe has measured counts as seen, neither hidden texts nor undecided ones.
_CHECK = """async ({ seen, contrastAlone }) => {
  // Without style sheets loaded again for a rule about orientation, and without selectors of elements that pass.
  const options = { preload: false, selectors: false };
  const known = new Map();
  const styleOf = (element) => {
    if (!element) return "";
    if (!known.has(element)) {
      const style = getComputedStyle(element), painted = [];
      if (style.backgroundColor !== "rgba(0, 0, 0, 0)") painted.push(style.backgroundColor);
      if (style.backgroundImage !== "none") painted.push(style.backgroundImage);
      for (const name of ["opacity", "filter", "mixBlendMode", "clipPath", "transform"])
        if (!["1", "none", "normal"].includes(style[name])) painted.push(name, style[name]);
      if (style.position !== "static" || style.float !== "none")
        painted.push(element.tagName, element.className, style.position, style.float, style.zIndex);
      known.set(element, styleOf(element.parentElement) + (painted.length ? `${painted.join()};` : ""));
    }
    return known.get(element);
  };
  const own = (element) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    return [styleOf(element), element.tagName, element.className, color, fontSize, fontWeight, textShadow].join();
  };
  const hasText = (element) =>
    element.matches("input:not([type=checkbox], [type=radio]), select, textarea, button") ||
    [...element.childNodes].some((each) => each.nodeType === Node.TEXT_NODE && each.data.trim());
  const elements = [...document.body.querySelectorAll("*")];
  const isOpen = elements.some((element) => element.shadowRoot);
  const before = new Set(seen);
  // Texts that are not on the screen and fields without text have no contrast, and axe does not measure them.
  const isShown = (element) => {
    const { width, height, bottom, right } = element.getBoundingClientRect();
    return width > 1 && height > 1 && bottom > 0 && right > 0 && element.checkVisibility({ visibilityProperty: true });
  };
  const isFresh = (element) => hasText(element) && isShown(element) && !before.has(own(element));
  const fresh = isOpen ? [document] : elements.filter(isFresh);
  const violations = [], measured = [];
  if (!contrastAlone) {
    const rest = await axe.run({
      ...options,
      resultTypes: ["violations"],
      rules: { "target-size": { enabled: true }, "color-contrast": { enabled: false } },
    });
    violations.push(...rest.violations);
  }
  if (fresh.length) {
    const contrast = await axe.run(
      { include: fresh },
      { ...options, elementRef: true, runOnly: { type: "rule", values: ["color-contrast"] } },
    );
    violations.push(...contrast.violations);
    for (const found of [...contrast.passes, ...contrast.violations])
      measured.push(...found.nodes.filter((node) => !isOpen && node.element).map((node) => own(node.element)));
  }
  return {
    violations: violations.map(({ id, help, nodes }) => ({ id, help, html: nodes.map((node) => node.html) })),
    measured: [...new Set(measured)],
  };
}"""
_LOOK = "[matchMedia('(prefers-color-scheme: dark)').matches, innerWidth].join()"
_seen: dict[str, set[str]] = defaultdict(set)


def violations(page: Page, *, contrast_alone: bool = False) -> list[tuple[str, str]]:
    """The violations that axe finds: the rule, and the element with its page. Loads axe once for each page.

    Bad contrast is reported once for each look of a test process.
    """
    if not page.evaluate(_IS_THERE):
        page.evaluate(AXE_SCRIPT)
    seen = _seen[page.evaluate(_LOOK)]
    found = page.evaluate(_CHECK, {"seen": list(seen), "contrastAlone": contrast_alone})
    seen.update(found["measured"])
    return [
        (each["id"], f"{page.url}: {each['id']}: {each['help']}: {html[:160]}")
        for each in found["violations"]
        for html in each["html"]
    ]


def in_every_look(page: Page, height: int = 900, *, is_sample: bool = True) -> list[str]:
    """The violations on the open page in both looks. The page keeps its width.

    :param is_sample: also whether the wide, light page breaks rules that do not depend on colors. Most elements are
        the same there as on the narrow page, which is always checked by every rule
    """
    before, found = page.viewport_size, []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        is_colors_alone = not is_sample and width > NARROW
        found += [f"{scheme} {width}: {where}" for _, where in violations(page, contrast_alone=is_colors_alone)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{scheme} {width}: {page.url}: {wide} px wide")
    if before:
        page.set_viewport_size(before)
    return found
