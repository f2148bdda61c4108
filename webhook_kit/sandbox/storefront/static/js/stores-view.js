/**
 * All stores: what they cook, and whether they are open.
 *
 * @typedef {import("./types.js").Store} Store
 */

import { discover } from "./api.js";
import { now } from "./clock.js";
import { blank, skeleton } from "./controls.js";
import { h, icon, marked, swap } from "./dom.js";
import { service } from "./hours.js";
import { dollars, toCents } from "./money.js";

const PAUSE = 200; // ms between the last key and the search
const WAYS = [
  ["", "All"],
  ["DeliveryByMerchant", "Delivery"],
  ["Pickup", "Pickup"],
];

/**
 * @param {import("./main.js").Page} page
 * @returns {HTMLElement}
 */
export function storesView(page) {
  page.title("Stores");
  const wanted = { query: "", fulfillmentType: "" };
  const list = h("div", { class: "results" }, skeleton("Loading stores", 6));
  let asked = 0;
  const ask = async () => {
    const mine = ++asked;
    try {
      const found = await discover(wanted);
      if (mine === asked) swap(list, results(found.stores, wanted.query));
    } catch (failure) {
      if (mine === asked) swap(list, page.failed(failure, ask));
    }
  };
  ask();
  return h(
    "div",
    { class: "stack" },
    h("h1", { tabindex: "-1" }, "What are you hungry for?"),
    h("div", { class: "finder" }, search(wanted, ask), ways(wanted, ask)),
    list,
  );
}

/**
 * @param {{query: string}} wanted
 * @param {() => void} ask
 */
function search(wanted, ask) {
  let timer = 0;
  const typed = (/** @type {Event} */ event) => {
    wanted.query = /** @type {HTMLInputElement} */ (event.target).value.trim();
    clearTimeout(timer);
    timer = window.setTimeout(ask, PAUSE);
  };
  return h(
    "div",
    { class: "search", role: "search" },
    icon("search"),
    h("input", { type: "search", placeholder: "Search stores and dishes", aria: { label: "Search stores and dishes" }, oninput: typed }),
  );
}

/**
 * @param {{fulfillmentType: string}} wanted
 * @param {() => void} ask
 */
function ways(wanted, ask) {
  const option = ([value, label]) =>
    h(
      "label",
      null,
      h("input", {
        type: "radio",
        name: "way",
        value,
        checked: value === wanted.fulfillmentType,
        onchange: () => {
          wanted.fulfillmentType = value;
          ask();
        },
      }),
      h("span", null, label),
    );
  return h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, "How to get it"), ...WAYS.map(option));
}

/**
 * @param {Store[]} stores
 * @param {string} query
 */
function results(stores, query) {
  if (stores.length) return h("ul", { class: "cards" }, ...stores.map(card));
  if (query) return blank("search", "Nothing found", h("p", null, `No store or dish is called “${query}”.`));
  const text = "A store appears here once it is registered with this sandbox and its menu was taken in.";
  return blank("store", "No stores yet", h("p", null, text));
}

/** @param {Store} store */
function card(store) {
  const found = store.highlights ?? {};
  return h(
    "li",
    { class: store.isAcceptingOrders ? "card" : "card closed" },
    tile(store),
    h(
      "div",
      { class: "card-text" },
      h("h2", null, h("a", { href: `#/stores/${encodeURIComponent(store.storeId)}` }, ...marked(found.name ?? store.name))),
      h("p", { class: "facts" }, ...facts(store)),
      store.description ? h("p", { class: "quiet clamp" }, ...marked(found.description ?? store.description)) : null,
      dishes(store),
      state(store),
    ),
  );
}

/** @param {Store} store */
function dishes(store) {
  if (!store.matchedDishes?.length) return null;
  const rows = store.matchedDishes.slice(0, 3).map((/** @type {Record<string, any>} */ dish) =>
    h(
      "li",
      null,
      h("span", null, ...marked(dish.highlights?.name ?? dish.name)),
      dish.basePrice === undefined ? null : h("span", { class: "amount" }, dollars(toCents(dish.basePrice))),
    ),
  );
  return h("ul", { class: "found" }, ...rows);
}

/**
 * @param {Store} store
 * @returns {HTMLElement} whether it takes orders, and if not when
 */
export function state(store) {
  const hours = service(store.availability, now(), store.timeZone);
  if (store.isAcceptingOrders) return h("p", { class: "state open" }, `Open · ${hours.text.replace("Served ", "")}`);
  const text = hours.open ? "Not taking orders at the moment" : hours.text.replace("Served", "Opens").replace("from", "at");
  return h("p", { class: "state" }, text === "Not served at present" ? "Closed" : `Closed · ${text}`);
}

/**
 * @param {Store} store
 * @returns {HTMLElement[]}
 */
export function facts(store) {
  const rating = store.rating ? `★ ${store.rating.toFixed(1)}${store.reviewCount ? ` (${store.reviewCount})` : ""}` : "";
  const distance = store.distanceMiles === undefined || store.distanceMiles === null ? "" : `${store.distanceMiles.toFixed(1)} mi`;
  const price = store.priceLevel ? "$".repeat(store.priceLevel) : "";
  return [rating, price, distance, ...(store.categories ?? [])].filter(Boolean).map((text) => h("span", null, text));
}

/**
 * @param {Store} store
 * @returns {HTMLElement} its initial on a colour of its own: pictures from elsewhere are not loaded
 */
export function tile(store) {
  const hue = [...store.storeId].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const made = h("div", { class: "tile", aria: { hidden: "true" } }, [...store.name.trim()][0]?.toUpperCase() ?? "?");
  made.style.setProperty("--hue", String(hue));
  return made;
}
