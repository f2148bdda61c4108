/**
 * The progress of an order, from the store's updates in the traffic log (gett-protocol.md §2).
 *
 * @typedef {import("./types.js").Entry} Entry
 *
 * @typedef {object} Progress
 * @property {string} status pending, confirmed, preparing, ready, inTransit
 * @property {string} state open, completed, cancelled
 * @property {string} [reason] reason of the cancellation
 * @property {string} [readyAt] expected time when it is ready
 * @property {Record<string, string>} times time of each status or state
 */

/** @returns {Progress} of an order without updates */
export function initialProgress() {
  return { status: "pending", state: "open", times: {} };
}

/**
 * @param {Progress} before
 * @param {Entry} entry of the traffic log
 * @param {string} orderId
 * @returns {Progress} `before` if the entry is not an accepted update of this order
 */
export function applyEntry(before, entry, orderId) {
  const update = entry.request?.body;
  const accepted = entry.call === "setOrderStatus" && entry.response?.status < 300 && !entry.response?.dropped;
  if (!accepted || !update || !entry.request.path.includes(`/orders/${encodeURIComponent(orderId)}/`)) return before;
  const status = update.status ?? before.status;
  const state = update.state ?? before.state;
  return {
    status,
    state,
    reason: update.cancelReason ?? before.reason,
    readyAt: update.estimatedReadyAt ?? before.readyAt,
    times: { [state === "open" ? status : state]: entry.at, ...before.times },
  };
}

/**
 * The steps of an order with their names for customers.
 *
 * @param {boolean} delivered
 * @returns {[string, string][]} status or state, and its name
 */
export function steps(delivered) {
  return [
    ["pending", "Placed"],
    ["confirmed", "Confirmed"],
    ["preparing", "Preparing"],
    ["ready", "Ready"],
    ...(delivered ? /** @type {[string, string][]} */ ([["inTransit", "On its way"]]) : []),
    ["completed", delivered ? "Delivered" : "Picked up"],
  ];
}
