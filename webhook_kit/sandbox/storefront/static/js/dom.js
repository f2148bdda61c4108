/** Making and replacing elements. Text is always text: nothing here, or anywhere in the page, is read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. Members of `props` that are functions listen (`onclick`), `class`, `dataset` and `aria` do what they say, `null`
 * and `false` leave an attribute out; all else is an attribute.
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
    else if (name === "aria") for (const [key, said] of Object.entries(value)) say(element, key, said);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Element} element
 * @param {string} name of the attribute, without `aria-`
 * @param {unknown} value null leaves it out
 */
function say(element, name, value) {
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
 * Put other content into an element. Whoever had the focus keeps it: elements with the same `data-key` are the same.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function swap(element, ...children) {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && element.contains(active) ? active.dataset.key : undefined;
  element.replaceChildren(...nodes(children));
  if (key === undefined || focusKey(element, key)) return;
  // What had it is gone: the next key press goes on from here and not from the top of the page.
  element.setAttribute("tabindex", "-1");
  /** @type {HTMLElement} */ (element).focus({ preventScroll: true });
}

/**
 * @param {Element} within
 * @param {string} key
 * @returns {boolean} whether there is such an element, and it took the focus
 */
function focusKey(within, key) {
  const found = within.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!(found instanceof HTMLElement)) return false;
  found.focus({ preventScroll: true });
  return document.activeElement === found;
}

/**
 * A picture of the sprite in index.html; it says nothing that is not said in words beside it.
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
 * What Gett marked between « and », marked.
 *
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function marked(text) {
  return text.split(/(«[^»]*»)/).map((part) => (part.startsWith("«") ? h("mark", null, part.slice(1, -1)) : part));
}

/**
 * Say something to those who listen instead of looking.
 *
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  // Said anew even when it is what was said last.
  requestAnimationFrame(() => (region.textContent = text));
}
