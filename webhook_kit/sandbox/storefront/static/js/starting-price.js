/**
 * Prices before anything is chosen, for display only: an item or option may get its price from groups that need a choice
 * (gett-protocol.md §4).
 *
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Group} Group
 */

import { dollars, toCents } from "./money.js";
import { groupsOf, selectionPrice } from "./rules.js";

const MAX_DEPTH = 8; // of nested groups

/**
 * @typedef {object} Required The modifiers that an item needs at least.
 * @property {number} cents of the cheapest choice
 * @property {boolean} fixed true if every choice has this price
 */

/**
 * @param {CatalogSet} catalogSet
 * @param {string} itemId
 * @returns {string} the price of an item: “$12.50”, or “from $4.00”
 */
export function startingPrice(catalogSet, itemId) {
  const item = catalogSet.items[itemId];
  const base = toCents(item.basePrice);
  const given = item.startingAt ? toCents(item.startingAt) : 0;
  if (given > base) return `from ${dollars(given)}`;
  const { cents, fixed } = required(catalogSet, itemId);
  return cents && !fixed ? `from ${dollars(base + cents)}` : dollars(base + cents);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Group} group
 * @param {string} itemId
 * @param {number} k number of selections before it in the group
 * @returns {string} the price of one more of an option: “+$1.00”, “from +$2.00”; empty if it is free
 */
export function optionPrice(catalogSet, group, itemId, k) {
  const { cents, fixed } = required(catalogSet, itemId);
  const total = selectionPrice(catalogSet, group, itemId, k) + cents;
  if (total === 0) return "";
  const price = total > 0 ? `+${dollars(total)}` : dollars(total);
  return cents && !fixed ? `from ${price}` : price;
}

/**
 * @param {CatalogSet} catalogSet
 * @param {string} itemId
 * @param {number} [depth]
 * @returns {Required}
 */
function required(catalogSet, itemId, depth = 0) {
  if (depth === MAX_DEPTH) return { cents: 0, fixed: true };
  const groups = groupsOf(catalogSet, itemId).filter((group) => (group.minimumAllowed ?? 0) > 0);
  const parts = groups.map((group) => requiredIn(catalogSet, group, depth));
  return { cents: parts.reduce((sum, part) => sum + part.cents, 0), fixed: parts.every((part) => part.fixed) };
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Group} group that needs a choice
 * @param {number} depth
 * @returns {Required}
 */
function requiredIn(catalogSet, group, depth) {
  const minimum = group.minimumAllowed ?? 0;
  const options = group.itemIds
    .filter((id) => catalogSet.items[id])
    .map((id) => {
      const own = group.tiers ? 0 : toCents(catalogSet.items[id].basePrice);
      const inner = required(catalogSet, id, depth + 1);
      return { cents: own + inner.cents, fixed: inner.fixed };
    })
    .sort((a, b) => a.cents - b.cents);
  if (!options.length) return { cents: 0, fixed: true };
  let cents = 0;
  for (let k = 0; k < minimum; k += 1) {
    const option = group.enableDuplicateItems ? options[0] : options[Math.min(k, options.length - 1)];
    cents += option.cents + (group.tiers ? selectionPrice(catalogSet, group, "", k) : 0);
  }
  const same = options.every((option) => option.fixed && option.cents === options[0].cents);
  return { cents, fixed: same && group.maximumAllowed === minimum };
}
