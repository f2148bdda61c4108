/** Small parts that several views are made of. */

import { h, icon } from "./dom.js";

/**
 * A quantity with a minus and a plus button. A disabled button stays in the tab order and is announced as disabled.
 *
 * @param {{label: string, value: number, key: string, canDecrease?: boolean, canIncrease?: boolean, onChange: (by: number) => void}} options
 *   `onChange` is called with the step, 1 or −1
 * @returns {HTMLElement}
 */
export function stepper({ label, value, key, canDecrease = value > 0, canIncrease = true, onChange }) {
  const button = (/** @type {number} */ by, /** @type {string} */ name, /** @type {boolean} */ enabled) =>
    h(
      "button",
      {
        type: "button",
        class: "step",
        dataset: { key: `${key}${by}` },
        aria: { label: `${name} ${label}`, disabled: enabled ? null : "true" },
        onclick: () => enabled && onChange(by),
      },
      icon(by > 0 ? "plus" : "minus"),
    );
  return h(
    "div",
    { class: "stepper", role: "group", aria: { label: `Quantity of ${label}` } },
    button(-1, "One less", canDecrease),
    h("span", { class: "count" }, value),
    button(1, "One more", canIncrease),
  );
}

/**
 * A labelled input with a place for its error.
 *
 * @param {{label: string, name: string, path: string, value?: string, type?: string, autocomplete?: string, inputmode?: string,
 *   wide?: boolean, optional?: boolean}} options `path` is the JSON path of its errors
 * @returns {HTMLElement}
 */
export function field({ label, name, path, value = "", type = "text", autocomplete, inputmode, wide, optional }) {
  const id = `field-${name}`;
  return h(
    "div",
    { class: wide ? "field wide" : "field", dataset: { path } },
    h("label", { for: id }, label, optional && h("span", { class: "quiet" }, " (optional)")),
    h("input", { id, name, type, value, autocomplete, inputmode, dataset: { key: id } }),
    errorSlot(),
  );
}

/** @returns {HTMLElement} the place where {@link import("./errors.js").show} writes errors */
export function errorSlot() {
  return h("p", { class: "error", dataset: { slot: "" }, hidden: true });
}

/**
 * An empty page that explains why and what to do.
 *
 * @param {string} picture
 * @param {string} title
 * @param {...(import("./dom.js").Child)} text
 * @returns {HTMLElement}
 */
export function emptyState(picture, title, ...text) {
  return h("div", { class: "empty-state" }, icon(picture), h("h2", null, title), ...text);
}

/**
 * @param {string} text for screen readers
 * @param {number} count
 * @returns {HTMLElement} grey shapes in place of content that is loading
 */
export function skeleton(text, count) {
  const shapes = Array.from({ length: count }, () => h("div", { class: "shape" }));
  return h("div", { class: "skeleton", role: "status", aria: { label: text } }, ...shapes);
}
