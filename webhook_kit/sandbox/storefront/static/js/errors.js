/**
 * Errors of an order, shown at the line, the modifier or the field that their JSON path names.
 *
 * @typedef {import("./types.js").OrderError} OrderError
 */

import { h } from "./dom.js";

const FOCUSABLE = "input:not([disabled]), button:not([disabled]), select, textarea, a[href]";

/**
 * Show each error in the element with its `data-path`, and all of them in a list in `head`.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} head element for the list
 * @param {OrderError[]} errors
 * @param {string} title
 */
export function show(root, head, errors, title) {
  clear(root, head);
  const items = errors.map((error) => {
    const place = locate(root, error);
    if (place) mark(place, error.message);
    return h("li", null, place ? link(place, error.message) : error.message);
  });
  const heading = h("h2", { tabindex: "-1" }, title);
  head.append(h("div", { class: "alert", role: "alert" }, heading, items.length ? h("ul", null, ...items) : null));
  heading.focus({ preventScroll: true });
  head.scrollIntoView({ block: "center" });
}

/**
 * Remove all errors.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} head
 */
export function clear(root, head) {
  head.replaceChildren();
  for (const place of root.querySelectorAll("[data-path].wrong")) {
    place.classList.remove("wrong");
    const slot = slotOf(place);
    if (slot) slot.hidden = true;
    if (slot) slot.textContent = "";
    for (const input of place.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  }
}

/**
 * Return the element with the longest path that is a prefix of the error's; without a path, the first one of its item.
 *
 * @param {HTMLElement} root
 * @param {OrderError} error
 * @returns {HTMLElement | null}
 */
export function locate(root, { jsonPath, itemId }) {
  /** @type {HTMLElement[]} */
  const places = [...root.querySelectorAll("[data-path]")].map((place) => /** @type {HTMLElement} */ (place));
  if (!jsonPath) return (itemId && places.find((place) => place.dataset.itemId === itemId)) || null;
  const pathOf = (/** @type {HTMLElement} */ place) => place.dataset.path ?? "";
  const matching = places.filter((place) => `${jsonPath}.`.startsWith(`${pathOf(place)}.`) || jsonPath.startsWith(`${pathOf(place)}[`));
  return matching.sort((a, b) => pathOf(b).length - pathOf(a).length)[0] ?? null;
}

/**
 * @param {HTMLElement} place
 * @param {string} message
 */
function mark(place, message) {
  place.classList.add("wrong");
  const slot = slotOf(place);
  if (!slot) return;
  slot.id = `error-${place.dataset.path}`;
  slot.textContent = [slot.textContent, message].filter(Boolean).join(" ");
  slot.hidden = false;
  for (const input of place.querySelectorAll(":scope > input, :scope > textarea")) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", slot.id);
  }
}

/**
 * @param {Element} place
 * @returns {HTMLElement | null}
 */
function slotOf(place) {
  return place.querySelector(":scope > [data-slot]");
}

/**
 * @param {HTMLElement} place
 * @param {string} message
 */
function link(place, message) {
  const go = () => {
    const target = /** @type {HTMLElement | null} */ (place.querySelector(FOCUSABLE));
    place.scrollIntoView({ block: "center" });
    target?.focus({ preventScroll: true });
  };
  return h("button", { type: "button", class: "link", onclick: go }, message);
}
