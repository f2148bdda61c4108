/** Small parts that several views are made of. */

import { h, icon } from "./dom.js";

/**
 * − 2 +. A button at its end stays in the tab order and says that it does nothing.
 *
 * @param {{label: string, value: number, key: string, mayLess?: boolean, mayMore?: boolean, onChange: (by: number) => void}} what
 *   `onChange` hears of a step, 1 or −1
 * @returns {HTMLElement}
 */
export function stepper({ label, value, key, mayLess = value > 0, mayMore = true, onChange }) {
  const button = (/** @type {number} */ by, /** @type {string} */ name, /** @type {boolean} */ may) =>
    h(
      "button",
      {
        type: "button",
        class: "step",
        dataset: { key: `${key}${by}` },
        aria: { label: `${name} ${label}`, disabled: may ? null : "true" },
        onclick: () => may && onChange(by),
      },
      icon(by > 0 ? "plus" : "minus"),
    );
  return h(
    "div",
    { class: "stepper", role: "group", aria: { label: `Quantity of ${label}` } },
    button(-1, "One less", mayLess),
    h("span", { class: "count" }, value),
    button(1, "One more", mayMore),
  );
}

/**
 * A labelled input with room for what is wrong with it.
 *
 * @param {{label: string, name: string, path: string, value?: string, type?: string, autocomplete?: string, inputmode?: string,
 *   wide?: boolean, optional?: boolean}} what `path` is where Gett would complain about it
 * @returns {HTMLElement}
 */
export function field({ label, name, path, value = "", type = "text", autocomplete, inputmode, wide, optional }) {
  const id = `field-${name}`;
  return h(
    "div",
    { class: wide ? "field wide" : "field", dataset: { path } },
    h("label", { for: id }, label, optional && h("span", { class: "quiet" }, " (optional)")),
    h("input", { id, name, type, value, autocomplete, inputmode, dataset: { key: id } }),
    slot(),
  );
}

/** @returns {HTMLElement} where {@link import("./complaints.js").show} writes what is wrong */
export function slot() {
  return h("p", { class: "complaint", dataset: { slot: "" }, hidden: true });
}

/**
 * A page that has nothing to show, and says why and what to do.
 *
 * @param {string} picture
 * @param {string} title
 * @param {...(import("./dom.js").Child)} text
 * @returns {HTMLElement}
 */
export function blank(picture, title, ...text) {
  return h("div", { class: "blank" }, icon(picture), h("h2", null, title), ...text);
}

/**
 * @param {string} text for those who listen
 * @param {number} count
 * @returns {HTMLElement} grey shapes in the place of what is being loaded
 */
export function skeleton(text, count) {
  const shapes = Array.from({ length: count }, () => h("div", { class: "shape" }));
  return h("div", { class: "skeleton", role: "status", aria: { label: text } }, ...shapes);
}
