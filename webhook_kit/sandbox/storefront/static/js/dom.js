/** Creation and replacement of elements. No text is parsed as HTML, here or elsewhere in the page. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Create an element. Functions in `props` are event listeners (`onclick`); `dataset` and `aria` set attributes by name; `null`
 * and `false` set nothing; everything else is an attribute.
 *
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "aria") for (const [key, state] of Object.entries(value)) setAria(element, key, state);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Element} element
 * @param {string} name of the attribute, without `aria-`
 * @param {unknown} value null sets nothing
 */
function setAria(element, name, value) {
  if (value !== null && value !== undefined) element.setAttribute(`aria-${name}`, String(value));
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Replace the content of an element. The focus moves to the new element with the same `data-key`.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function swap(element, ...children) {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && element.contains(active) ? active.dataset.key : undefined;
  element.replaceChildren(...nodes(children));
  if (key === undefined || focusKey(element, key)) return;
  // The focused element was removed: keep the focus here, so that Tab does not start at the top of the page.
  element.setAttribute("tabindex", "-1");
  /** @type {HTMLElement} */ (element).focus({ preventScroll: true });
}

/**
 * @param {Element} within
 * @param {string} key
 * @returns {boolean} true if there is such an element and it has the focus
 */
function focusKey(within, key) {
  const target = within.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!(target instanceof HTMLElement)) return false;
  target.focus({ preventScroll: true });
  return document.activeElement === target;
}

/**
 * An icon of the sprite in index.html. It is hidden from screen readers, because a text beside it has the same meaning.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Turn the text between « and », Gett's mark of a match, into mark elements.
 *
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function withMarks(text) {
  return text.split(/(«[^»]*»)/).map((part) => (part.startsWith("«") ? h("mark", null, part.slice(1, -1)) : part));
}

/**
 * Announce a text to screen readers.
 *
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  // Set in the next frame, so that a repeated text is announced again.
  requestAnimationFrame(() => (region.textContent = text));
}
