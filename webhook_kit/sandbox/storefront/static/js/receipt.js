/**
 * What the browser remembers of an order: enough to show it when menu and cart are gone.
 *
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").Menu} Menu
 */

import { fromCents } from "./money.js";
import { linePrice } from "./rules.js";

/**
 * @param {Record<string, any>} placed the answer to orders/place
 * @param {Record<string, any>} store
 * @param {Menu} menu
 * @param {import("./basket.js").Basket} basket
 * @returns {Record<string, any>}
 */
export function receipt(placed, store, menu, basket) {
  const { gettOrderId, partnerOrderId, placedAt, amounts, fulfillmentType } = placed;
  const lines = basket.cart.lineItems.map((line) => ({
    name: menu.items[line.itemId]?.name ?? line.itemId,
    quantity: line.quantity,
    choices: chosenNames(menu, line),
    total: fromCents(linePrice(menu, line)),
  }));
  return { gettOrderId, partnerOrderId, placedAt, amounts, fulfillmentType, storeName: store.name, storeId: store.storeId, lines };
}

/**
 * @param {Menu} menu
 * @param {Line} line
 * @returns {string[]} the names of all its choices, outer before inner
 */
function chosenNames(menu, line) {
  return (line.modifierGroups ?? [])
    .flatMap((choice) => choice.selectedModifiers)
    .flatMap((one) => {
      const name = menu.items[one.itemId]?.name ?? one.itemId;
      return [one.quantity > 1 ? `${one.quantity} × ${name}` : name, ...chosenNames(menu, one)];
    });
}
