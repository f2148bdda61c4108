/**
 * The data of an order that the browser keeps, so that it can be shown without catalog and cart.
 *
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 */

import { fromCents } from "./money.js";
import { linePrice } from "./rules.js";

/**
 * @param {Record<string, any>} placed the response of orders/place
 * @param {Record<string, any>} store
 * @param {CatalogSet} catalogSet
 * @param {import("./store-cart.js").StoreCart} storeCart
 * @returns {Record<string, any>}
 */
export function receipt(placed, store, catalogSet, storeCart) {
  const { gettOrderId, partnerOrderId, placedAt, amounts, fulfillmentType } = placed;
  const lines = storeCart.cart.lineItems.map((line) => ({
    name: catalogSet.items[line.itemId]?.name ?? line.itemId,
    quantity: line.quantity,
    choices: modifierNames(catalogSet, line),
    total: fromCents(linePrice(catalogSet, line)),
  }));
  return { gettOrderId, partnerOrderId, placedAt, amounts, fulfillmentType, storeName: store.name, storeId: store.storeId, lines };
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @returns {string[]} names of its modifiers, each before those nested in it
 */
function modifierNames(catalogSet, line) {
  return (line.modifierGroups ?? [])
    .flatMap((choice) => choice.selectedModifiers)
    .flatMap((one) => {
      const name = catalogSet.items[one.itemId]?.name ?? one.itemId;
      return [one.quantity > 1 ? `${one.quantity} × ${name}` : name, ...modifierNames(catalogSet, one)];
    });
}
