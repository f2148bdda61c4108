/**
 * What is wrong with an order, shown where it is wrong: at the line, the modifier or the field that the JSON path names.
 *
 * @typedef {import("./types.js").OrderError} OrderError
 */

import { h } from "./dom.js";

const FOCUSABLE = "input:not([disabled]), button:not([disabled]), select, textarea, a[href]";

/**
 * Show errors in the elements with a `data-path`, and all of them in a list at the head.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} head where the list goes
 * @param {OrderError[]} errors
 * @param {string} title
 */
export function show(root, head, errors, title) {
  clear(root, head);
  const items = errors.map((error) => {
    const place = locate(root, error.jsonPath);
    if (place) complain(place, error.message);
    return h("li", null, place ? link(place, error.message) : error.message);
  });
  const heading = h("h2", { tabindex: "-1" }, title);
  head.append(h("div", { class: "alert", role: "alert" }, heading, items.length ? h("ul", null, ...items) : null));
  heading.focus({ preventScroll: true });
  head.scrollIntoView({ block: "center" });
}

/**
 * Forget what was shown.
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
 * The element whose path is the longest beginning of the given one.
 *
 * @param {HTMLElement} root
 * @param {string | null | undefined} path
 * @returns {HTMLElement | null}
 */
export function locate(root, path) {
  /** @type {HTMLElement | null} */
  let best = null;
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-path]"))) {
    const own = place.dataset.path ?? "";
    const holds = path === own || path?.startsWith(`${own}.`) || path?.startsWith(`${own}[`);
    if (holds && own.length > (best?.dataset.path ?? "").length) best = place;
  }
  return best;
}

/**
 * @param {HTMLElement} place
 * @param {string} message
 */
function complain(place, message) {
  place.classList.add("wrong");
  const slot = slotOf(place);
  if (!slot) return;
  slot.id = `complaint-${place.dataset.path}`;
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
