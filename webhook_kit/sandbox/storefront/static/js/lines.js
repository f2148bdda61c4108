/**
 * The lines of a cart, as a list that can be changed.
 *
 * @typedef {import("./store-cart.js").StoreCart} StoreCart
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 */

import { errorSlot, stepper } from "./controls.js";
import { announce, h, icon } from "./dom.js";
import { editLine } from "./item-dialog.js";
import { dollars } from "./money.js";
import { groupsOf, linePrice } from "./rules.js";

/**
 * @param {CatalogSet} catalogSet
 * @param {StoreCart} storeCart
 * @param {(error: unknown) => void} onError
 * @returns {HTMLElement}
 */
export function lines(catalogSet, storeCart, onError) {
  const rows = storeCart.cart.lineItems.map((line, index) => row(catalogSet, storeCart, line, `$.cart.lineItems[${index}]`, onError));
  return h("ul", { class: "lines", aria: { label: "Your cart" } }, ...rows);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {StoreCart} storeCart
 * @returns {number} the sum of all lines, in cents
 */
export function subTotal(catalogSet, storeCart) {
  return storeCart.cart.lineItems.reduce((sum, line) => sum + linePrice(catalogSet, line), 0);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {StoreCart} storeCart
 * @param {Line} line
 * @param {string} path
 * @param {(error: unknown) => void} onError
 */
function row(catalogSet, storeCart, line, path, onError) {
  const id = line.lineItemId ?? "";
  const item = catalogSet.items[line.itemId];
  const name = item?.name ?? "No longer on the menu";
  const step = async (/** @type {number} */ by) => {
    await storeCart.step(id, by).catch(onError);
    announce(`${storeCart.cart.lineItems.find((one) => one.lineItemId === id)?.quantity ?? 0} × ${name}`);
  };
  const remove = async () => {
    await storeCart.remove(id).catch(onError);
    announce(`${name} was removed from your cart`);
  };
  const edit = async () => {
    const edited = await editLine({ catalogSet, line, action: "Save" });
    if (edited) await storeCart.replace(id, edited).catch(onError);
  };
  return h(
    "li",
    { class: "line", dataset: { path, itemId: line.itemId } },
    h("div", { class: "line-head" }, h("span", { class: "line-name" }, name), h("span", { class: "amount" }, dollars(linePrice(catalogSet, line)))),
    errorSlot(),
    modifiers(catalogSet, line, path),
    h(
      "div",
      { class: "line-tools" },
      stepper({ label: name, value: line.quantity, key: `line-${id}`, canDecrease: line.quantity > 1, onChange: step }),
      item && groupsOf(catalogSet, line.itemId).length
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
 * The modifiers of a line, nested to any depth.
 *
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @param {string} path
 * @returns {HTMLElement | null}
 */
export function modifiers(catalogSet, line, path) {
  if (!line.modifierGroups?.length) return null;
  const rows = line.modifierGroups.map((choice, g) => {
    const here = `${path}.modifierGroups[${g}]`;
    const options = choice.selectedModifiers.map((one, m) => {
      const at = `${here}.selectedModifiers[${m}]`;
      const name = catalogSet.items[one.itemId]?.name ?? "No longer on the menu";
      const times = one.quantity > 1 ? `${one.quantity} × ` : "";
      return h("li", { dataset: { path: at, itemId: one.itemId } }, `${times}${name}`, errorSlot(), modifiers(catalogSet, one, at));
    });
    return h("li", { dataset: { path: here } }, errorSlot(), h("ul", { class: "choices" }, ...options));
  });
  return h("ul", { class: "choices" }, ...rows);
}
