/**
 * The live view of an order, and the list of orders placed in this browser.
 *
 * @typedef {import("./types.js").Order} Order
 * @typedef {import("./progress.js").Progress} Progress
 */

import { amountsTable } from "./amounts.js";
import { emptyState } from "./controls.js";
import { announce, h, icon, swap } from "./dom.js";
import { follow } from "./traffic-log.js";
import { loadOrders } from "./storage.js";
import { dollars, toCents } from "./money.js";
import { applyEntry, initialProgress, steps } from "./progress.js";

/** @type {Record<string, string>} */
const TITLES = {
  pending: "Waiting for the store",
  confirmed: "The store has confirmed",
  preparing: "Your order is being prepared",
  ready: "Your order is ready",
  inTransit: "Your order is on its way",
  completed: "Enjoy your meal",
  cancelled: "The order was cancelled",
};

/**
 * @param {import("./main.js").Page} page
 * @param {string} orderId
 * @returns {HTMLElement}
 */
export function orderView(page, orderId) {
  page.title("Your order");
  const order = loadOrders().find((one) => one.gettOrderId === orderId);
  if (!order) return emptyState("bag", "No such order", h("p", null, "It was placed in another browser, or too long ago."));
  const live = h("div", { class: "live" });
  let progress = initialProgress();
  const render = () => swap(live, ...track(order, progress));
  render();
  page.onLeave(
    follow((entries) => {
      const before = progress;
      progress = entries.reduce((latest, entry) => applyEntry(latest, entry, orderId), progress);
      if (progress === before) return;
      render();
      const title = TITLES[current(progress)];
      page.title(title);
      announce(progress.reason ? `${title}: ${progress.reason}` : title);
    }),
  );
  return h(
    "div",
    { class: "order" },
    h("div", { class: "stack" }, live, facts(order)),
    h("section", { class: "summary", aria: { label: "What you ordered" } }, h("h2", null, order.storeName), items(order), amountsTable(order.amounts ?? {})),
  );
}

/**
 * @param {import("./main.js").Page} page
 * @returns {HTMLElement}
 */
export function ordersView(page) {
  page.title("Your orders");
  const title = h("h1", { tabindex: "-1" }, "Your orders");
  const all = loadOrders();
  if (!all.length) return h("div", { class: "stack" }, title, emptyState("bag", "No orders yet", h("p", null, "What you order appears here.")));
  const rows = all.map((order) =>
    h(
      "li",
      { class: "card" },
      h(
        "div",
        { class: "card-text" },
        h("h2", null, h("a", { href: `#/orders/${encodeURIComponent(order.gettOrderId)}` }, order.storeName)),
        h("p", { class: "quiet" }, order.lines.map((/** @type {{quantity: number, name: string}} */ line) => `${line.quantity} × ${line.name}`).join(", ")),
        h("p", { class: "facts" }, h("span", null, time(order.placedAt)), h("span", null, dollars(toCents(order.amounts?.total)))),
      ),
    ),
  );
  return h("div", { class: "stack" }, title, h("ul", { class: "cards" }, ...rows));
}

/** @param {Progress} progress */
function current(progress) {
  return progress.state === "open" ? progress.status : progress.state;
}

/**
 * @param {Order} order
 * @param {Progress} progress
 */
function track(order, progress) {
  const now = current(progress);
  const all = steps(order.fulfillmentType === "DeliveryByMerchant");
  const reached = now === "cancelled" ? -1 : all.findIndex(([step]) => step === now);
  const rows = all.map(([step, name], index) => {
    const at = step === "pending" ? order.placedAt : progress.times[step];
    const state = index < reached || now === "completed" ? "done" : index === reached ? "current" : "";
    return h(
      "li",
      { class: state, aria: { current: state === "current" ? "step" : null } },
      h("span", { class: "dot" }, state === "done" ? icon("check") : null),
      h("span", { class: "step-name" }, name),
      h("span", { class: "quiet" }, at && (state || now === "cancelled") ? time(at) : ""),
    );
  });
  return [
    h("h1", { tabindex: "-1", dataset: { state: now, key: "title" } }, TITLES[now] ?? now),
    h(
      "p",
      { class: "quiet" },
      progress.reason
        ? progress.reason
        : progress.readyAt && progress.state === "open"
          ? `Expected to be ready at ${time(progress.readyAt)}`
          : `${order.storeName} has your order.`,
    ),
    h("ol", { class: now === "cancelled" ? "track cancelled" : "track", aria: { label: "Progress" } }, ...rows),
  ];
}

/** @param {Order} order */
function facts(order) {
  const fact = (/** @type {string} */ name, /** @type {string | null | undefined} */ value) =>
    h("div", null, h("dt", null, name), h("dd", null, value ?? "none"));
  return h(
    "dl",
    { class: "ids" },
    fact("Order at the store (partnerOrderId)", order.partnerOrderId),
    fact("Order at Gett (gettOrderId)", order.gettOrderId),
    fact("Placed", order.placedAt && time(order.placedAt)),
  );
}

/** @param {Order} order */
function items(order) {
  const rows = order.lines.map((/** @type {Record<string, any>} */ line) =>
    h(
      "li",
      { class: "line" },
      h("div", { class: "line-head" }, h("span", { class: "line-name" }, `${line.quantity} × ${line.name}`), h("span", { class: "amount" }, dollars(toCents(line.total)))),
      line.choices.length ? h("p", { class: "quiet" }, line.choices.join(", ")) : null,
    ),
  );
  return h("ul", { class: "lines" }, ...rows);
}

/** @param {string} moment */
function time(moment) {
  return new Date(moment).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" });
}
