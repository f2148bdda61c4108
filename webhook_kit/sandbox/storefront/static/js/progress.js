/**
 * An order's progress, as the store told Gett (gett-protocol.md §2).
 *
 * @typedef {import("./types.js").Entry} Entry
 *
 * @typedef {object} Progress
 * @property {string} status pending, confirmed, preparing, ready, inTransit
 * @property {string} state open, completed, cancelled
 * @property {string} [reason] why it was cancelled
 * @property {string} [readyAt] when it is expected to be ready
 * @property {Record<string, string>} times when each was said
 */

/** @returns {Progress} of an order nobody has said anything about */
export function untold() {
  return { status: "pending", state: "open", times: {} };
}

/**
 * @param {Progress} before
 * @param {Entry} entry any of the record
 * @param {string} orderId
 * @returns {Progress} the same object when the entry is no accepted update of this order
 */
export function after(before, entry, orderId) {
  const said = entry.request?.body;
  const accepted = entry.call === "setOrderStatus" && entry.response?.status < 300 && !entry.response?.dropped;
  if (!accepted || !said || !entry.request.path.includes(`/orders/${encodeURIComponent(orderId)}/`)) return before;
  const status = said.status ?? before.status;
  const state = said.state ?? before.state;
  return {
    status,
    state,
    reason: said.cancelReason ?? before.reason,
    readyAt: said.estimatedReadyAt ?? before.readyAt,
    times: { [state === "open" ? status : state]: entry.at, ...before.times },
  };
}

/**
 * The stations of an order's way, for people.
 *
 * @param {boolean} delivered
 * @returns {[string, string][]} status or state, and its name
 */
export function stations(delivered) {
  return [
    ["pending", "Placed"],
    ["confirmed", "Confirmed"],
    ["preparing", "Preparing"],
    ["ready", "Ready"],
    ...(delivered ? /** @type {[string, string][]} */ ([["inTransit", "On its way"]]) : []),
    ["completed", delivered ? "Delivered" : "Picked up"],
  ];
}
