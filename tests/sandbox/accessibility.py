"""Checks of a page's accessibility: names, structure, contrast, sizes. A small part of WCAG 2.2 AA."""

from __future__ import annotations

from playwright.sync_api import Page

__all__ = ["accessibility_problems"]

_CHECK = r"""() => {
  const problems = [];
  const dialog = document.querySelector("dialog[open]");
  const shown = (e) => e.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true });
  const all = (selector) => [...(dialog ?? document).querySelectorAll(selector)].filter(shown);
  const name = (e) => e.tagName + "." + e.className + " “" + (e.textContent ?? "").trim().slice(0, 40) + "”";
  const report = (what, e) => problems.push(what + ": " + name(e));

  // Names: everything that can be operated has one.
  for (const e of all("a[href], button, input, summary, fieldset, nav, dialog")) {
    const labels = [...(e.labels ?? [])].map((one) => one.textContent).join(" ");
    const by = (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    const own = e.matches("input, nav, dialog") ? "" : e.matches("fieldset") ? e.querySelector("legend")?.textContent : e.textContent;
    if (![e.getAttribute("aria-label"), by, labels, own].some((text) => text?.trim())) report("no name", e);
  }
  // References exist, and ids are unique.
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids.filter((id, index) => ids.indexOf(id) !== index)) problems.push("duplicate id " + id);
  for (const attribute of ["for", "aria-labelledby", "aria-describedby"]) {
    for (const e of document.querySelectorAll("[" + attribute + "]")) {
      if (!document.getElementById(e.getAttribute(attribute))) report(attribute + " refers to nothing", e);
    }
  }
  // Structure: one main, one h1, no heading level skipped.
  if (!document.documentElement.lang || !document.title) problems.push("no language or no title");
  if (document.querySelectorAll("main").length !== 1) problems.push("not one main");
  if (!dialog) {
    const levels = all("main h1, main h2, main h3, main h4, main h5, main h6").map((e) => Number(e.tagName[1]));
    if (levels.filter((level) => level === 1).length !== 1) problems.push("not one h1: " + levels);
    levels.forEach((level, index) => index && level > levels[index - 1] + 1 && problems.push("heading level skipped: " + levels));
  }
  // Sizes: no horizontal scrolling, and controls are large enough.
  if (document.documentElement.scrollWidth > innerWidth) problems.push("wider than the window: " + document.documentElement.scrollWidth);
  for (const e of all("button, a.primary, .row, summary")) {
    const box = e.getBoundingClientRect();
    if (box.width < 24 || box.height < 24) report("smaller than 24 px", e);
  }
  // Contrast of text and background.
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (css) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = css;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const behind = (e) => {
    const own = rgba(getComputedStyle(e).backgroundColor);
    if (own[3] === 1 || !e.parentElement) return own[3] === 1 ? own : over(own, rgba("Canvas"));
    return over(own, behind(e.parentElement));
  };
  const light = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const texts = document.createTreeWalker(dialog ?? document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const e = text.parentElement;
    if (!text.textContent.trim() || !shown(e)) continue;
    if (e.closest(".visually-hidden, .skip, .tile, [aria-disabled], noscript, script, style, symbol")) continue;
    const style = getComputedStyle(e);
    const back = behind(e);
    const [a, b] = [light(over(rgba(style.color), back)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) report("contrast " + ratio.toFixed(2), e);
  }
  // Choices drawn by the page: the chosen one differs from the others by a colour that contrasts with what is behind it.
  const colours = (e) => {
    const style = getComputedStyle(e);
    const ring = style.boxShadow.includes("inset") ? style.boxShadow.match(/^(color\(.*?\)|\w+\(.*?\))/)?.[0] : null;
    return [style.backgroundColor, style.borderTopWidth === "0px" ? null : style.borderTopColor, ring].filter(Boolean);
  };
  for (const chosen of all("input[type=radio]:checked")) {
    const drawn = chosen.nextElementSibling;
    const other = all("input[type=radio]").find((one) => one.name === chosen.name && !one.checked)?.nextElementSibling;
    if (getComputedStyle(chosen).opacity !== "0" || !drawn || !other) continue;
    const back = light(behind(drawn.parentElement));
    const contrast = (colour) => {
      const shade = light(over(rgba(colour), behind(drawn.parentElement)));
      return (Math.max(shade, back) + 0.05) / (Math.min(shade, back) + 0.05);
    };
    const usual = colours(other);
    if (!colours(drawn).some((colour) => !usual.includes(colour) && contrast(colour) >= 3)) report("choice not shown", drawn);
  }
  return [...new Set(problems)];
}"""


def accessibility_problems(page: Page) -> list[str]:
    """Return the accessibility problems of the current page, each with its element."""
    problems: list[str] = page.evaluate(_CHECK)
    return problems
