/** The table of an order's amounts (gett-protocol.md §3). */

import { h } from "./dom.js";
import { dollars, toCents } from "./money.js";

const PARTS = [
  ["subTotal", "Subtotal", 1],
  ["fees", "Fees", 1],
  ["promotions", "Promotions", -1],
  ["taxes", "Taxes", 1],
  ["adjustments", "Adjustments", 1],
  ["tip", "Tip", 1],
];

/**
 * @param {Record<string, any>} amounts
 * @param {string} [note] shown instead of a total that is not known yet
 * @returns {HTMLElement}
 */
export function amountsTable(amounts, note = "") {
  const rows = PARTS.flatMap(([name, label, sign]) => part(amounts, String(name), String(label), Number(sign)));
  const total = h("div", { class: "total" }, h("dt", null, "Total"), h("dd", null, dollars(toCents(amounts.total))));
  return h("div", { class: "amounts" }, h("dl", null, ...rows, note ? null : total), note && h("p", { class: "quiet" }, note));
}

/**
 * Rows of a part and its description; none if it is zero.
 *
 * @param {Record<string, any>} amounts
 * @param {string} name
 * @param {string} label
 * @param {number} sign
 */
function part(amounts, name, label, sign) {
  const cents = toCents(amounts[name]) * sign;
  if (cents === 0 && name !== "subTotal") return [];
  const described = (amounts[`${name}Description`] ?? []).map((/** @type {{name: string, value: number}} */ one) =>
    h("div", { class: "part" }, h("dt", null, one.name), h("dd", null, dollars(toCents(one.value) * sign))),
  );
  return [h("div", null, h("dt", null, label), h("dd", null, dollars(cents))), ...described];
}
