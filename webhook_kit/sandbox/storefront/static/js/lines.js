/**
 * The lines of a cart, as a list that can be changed.
 *
 * @typedef {import("./basket.js").Basket} Basket
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").Menu} Menu
 */

import { slot, stepper } from "./controls.js";
import { announce, h, icon } from "./dom.js";
import { makeUp } from "./item-sheet.js";
import { dollars } from "./money.js";
import { groupsOf, linePrice } from "./rules.js";

/**
 * @param {Menu} menu
 * @param {Basket} basket
 * @param {(failure: unknown) => void} onFailure
 * @returns {HTMLElement}
 */
export function lines(menu, basket, onFailure) {
  const rows = basket.cart.lineItems.map((line, index) => row(menu, basket, line, `$.cart.lineItems[${index}]`, onFailure));
  return h("ul", { class: "lines", aria: { label: "Your cart" } }, ...rows);
}

/**
 * @param {Menu} menu
 * @param {Basket} basket
 * @returns {number} what all lines cost, in cents
 */
export function subTotal(menu, basket) {
  return basket.cart.lineItems.reduce((sum, line) => sum + linePrice(menu, line), 0);
}

/**
 * @param {Menu} menu
 * @param {Basket} basket
 * @param {Line} line
 * @param {string} path
 * @param {(failure: unknown) => void} onFailure
 */
function row(menu, basket, line, path, onFailure) {
  const id = line.lineItemId ?? "";
  const item = menu.items[line.itemId];
  const name = item?.name ?? "No longer on the menu";
  const step = async (/** @type {number} */ by) => {
    await basket.step(id, by).catch(onFailure);
    announce(`${basket.cart.lineItems.find((one) => one.lineItemId === id)?.quantity ?? 0} × ${name}`);
  };
  const remove = async () => {
    await basket.remove(id).catch(onFailure);
    announce(`${name} is out of your cart`);
  };
  const edit = async () => {
    const made = await makeUp({ menu, line, action: "Save" });
    if (made) await basket.replace(id, made).catch(onFailure);
  };
  return h(
    "li",
    { class: "line", dataset: { path, itemId: line.itemId } },
    h("div", { class: "line-head" }, h("span", { class: "line-name" }, name), h("span", { class: "amount" }, dollars(linePrice(menu, line)))),
    slot(),
    choices(menu, line, path),
    h(
      "div",
      { class: "line-tools" },
      stepper({ label: name, value: line.quantity, key: `line-${id}`, mayLess: line.quantity > 1, onChange: step }),
      item && groupsOf(menu, line.itemId).length
        ? h("button", { type: "button", class: "quiet-button", dataset: { key: `edit-${id}` }, aria: { label: `Edit ${name}` }, onclick: edit }, "Edit")
        : null,
      h(
        "button",
        { type: "button", class: "quiet-button", dataset: { key: `remove-${id}` }, aria: { label: `Remove ${name}` }, onclick: remove },
        icon("bin"),
        "Remove",
      ),
    ),
  );
}

/**
 * What a line was chosen with, to any depth.
 *
 * @param {Menu} menu
 * @param {Line} line
 * @param {string} path
 * @returns {HTMLElement | null}
 */
export function choices(menu, line, path) {
  if (!line.modifierGroups?.length) return null;
  const rows = line.modifierGroups.map((choice, g) => {
    const here = `${path}.modifierGroups[${g}]`;
    const options = choice.selectedModifiers.map((one, m) => {
      const at = `${here}.selectedModifiers[${m}]`;
      const name = menu.items[one.itemId]?.name ?? "No longer on the menu";
      const times = one.quantity > 1 ? `${one.quantity} × ` : "";
      return h("li", { dataset: { path: at, itemId: one.itemId } }, `${times}${name}`, slot(), choices(menu, one, at));
    });
    return h("li", { dataset: { path: here } }, slot(), h("ul", { class: "choices" }, ...options));
  });
  return h("ul", { class: "choices" }, ...rows);
}
