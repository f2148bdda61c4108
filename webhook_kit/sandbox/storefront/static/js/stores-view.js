/**
 * The list of stores, with search.
 *
 * @typedef {import("./types.js").Store} Store
 */

import { discover } from "./api.js";
import { now } from "./clock.js";
import { emptyState, skeleton } from "./controls.js";
import { h, icon, withMarks, swap } from "./dom.js";
import { service } from "./hours.js";
import { dollars, toCents } from "./money.js";
import { picture } from "./pictures.js";

const TYPING_PAUSE = 200; // ms between the last key and the search
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
  const filter = { query: "", fulfillmentType: "" };
  const list = h("div", { class: "results" }, skeleton("Loading stores", 6));
  let latest = 0;
  const load = async () => {
    const number = ++latest;
    try {
      const result = await discover(filter);
      if (number === latest) swap(list, results(result.stores, filter.query));
    } catch (error) {
      if (number === latest) swap(list, page.failed(error, load));
    }
  };
  load();
  return h(
    "div",
    { class: "stack" },
    h("h1", { tabindex: "-1" }, "What are you hungry for?"),
    h("div", { class: "finder" }, search(filter, load), ways(filter, load)),
    list,
  );
}

/**
 * @param {{query: string}} filter
 * @param {() => void} load
 */
function search(filter, load) {
  let timer = 0;
  const typed = (/** @type {Event} */ event) => {
    filter.query = /** @type {HTMLInputElement} */ (event.target).value.trim();
    clearTimeout(timer);
    timer = window.setTimeout(load, TYPING_PAUSE);
  };
  return h(
    "div",
    { class: "search", role: "search" },
    icon("search"),
    h("input", { type: "search", placeholder: "Search stores and dishes", aria: { label: "Search stores and dishes" }, oninput: typed }),
  );
}

/**
 * @param {{fulfillmentType: string}} filter
 * @param {() => void} load
 */
function ways(filter, load) {
  const option = ([value, label]) =>
    h(
      "label",
      null,
      h("input", {
        type: "radio",
        name: "way",
        value,
        checked: value === filter.fulfillmentType,
        onchange: () => {
          filter.fulfillmentType = value;
          load();
        },
      }),
      h("span", null, label),
    );
  return h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, "How to get it"), ...WAYS.map(option));
}

/**
 * @param {Store[]} stores
 * @param {string} query
 */
function results(stores, query) {
  if (stores.length) return h("ul", { class: "cards" }, ...stores.map((store) => card(store, stores.length === 1)));
  if (query) return emptyState("search", "Nothing found", h("p", null, `No store or dish is called “${query}”.`));
  const text = "A store appears here after its registration, when Gett has pulled its menu.";
  return emptyState("store", "No stores yet", h("p", null, text));
}

/**
 * @param {Store} store
 * @param {boolean} single true if there is no other card
 */
function card(store, single) {
  const highlights = store.highlights ?? {};
  return h(
    "li",
    { class: store.isAcceptingOrders ? "card" : "card closed" },
    tile(store),
    h(
      "div",
      { class: "card-text" },
      h("h2", null, h("a", { href: `#/stores/${encodeURIComponent(store.storeId)}` }, ...withMarks(highlights.name ?? store.name))),
      h("p", { class: "facts" }, ...facts(store)),
      store.description ? h("p", { class: "quiet clamp" }, ...withMarks(highlights.description ?? store.description)) : null,
      matchedItems(store),
      state(store),
    ),
    // The whole card is the link.
    single ? h("span", { class: "primary", aria: { hidden: "true" } }, "See the menu") : null,
  );
}

/** @param {Store} store */
function matchedItems(store) {
  if (!store.matchedDishes?.length) return null;
  const rows = store.matchedDishes.slice(0, 3).map((/** @type {Record<string, any>} */ item) =>
    h(
      "li",
      null,
      h("span", null, ...withMarks(item.highlights?.name ?? item.name)),
      item.basePrice === undefined ? null : h("span", { class: "amount" }, dollars(toCents(item.basePrice))),
    ),
  );
  return h("ul", { class: "matches" }, ...rows);
}

/**
 * @param {Store} store
 * @returns {HTMLElement} open or closed, with the hours
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
 * @returns {HTMLElement} its picture, or its initial on a coloured tile
 */
export function tile(store) {
  const hue = [...store.storeId].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const element = h("div", { class: "tile", aria: { hidden: "true" } }, [...store.name.trim()][0]?.toUpperCase() ?? "?");
  element.style.setProperty("--hue", String(hue));
  element.append(picture(store.imageUrl) ?? "");
  return element;
}
