/**
 * The view of a store: its catalogs by time of day, and the cart.
 *
 * @typedef {import("./catalog.js").TimedCatalog} TimedCatalog
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Section} Section
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { StoreCart } from "./store-cart.js";
import { now } from "./clock.js";
import { emptyState, skeleton } from "./controls.js";
import { announce, h, icon, swap } from "./dom.js";
import { editLine } from "./item-dialog.js";
import { lines, subTotal } from "./lines.js";
import { availableNow, sections, timedCatalogs } from "./catalog.js";
import { dollars, toCents } from "./money.js";
import { newLine } from "./rules.js";
import { facts, state, tile } from "./stores-view.js";

/**
 * @param {import("./main.js").Page} page
 * @param {string} storeId
 * @returns {HTMLElement}
 */
export function storeView(page, storeId) {
  page.title("Store");
  const root = h("div", { class: "stack" }, skeleton("Loading the menu", 8));
  const load = async () => {
    try {
      const store = await api.store(storeId);
      page.title(store.name);
      if (!store.catalogSetId) {
        swap(root, head(store), emptyState("menu", "No menu yet", h("p", null, "Gett has no menu of this store.")));
        return;
      }
      const catalogSet = await api.catalogSet(store.catalogSetId);
      swap(root, head(store), body(page, store, catalogSet));
    } catch (error) {
      swap(root, page.failed(error, load));
    }
    page.arrived(root);
  };
  load();
  return root;
}

/** @param {Store} store */
function head(store) {
  const { address1, city } = store.address ?? {};
  return h(
    "header",
    { class: "store-head" },
    tile(store),
    h(
      "div",
      null,
      h("h1", { tabindex: "-1" }, store.name),
      h("p", { class: "facts" }, ...facts(store), address1 ? h("span", null, [address1, city].filter(Boolean).join(", ")) : null),
      store.description ? h("p", { class: "quiet" }, store.description) : null,
      state(store),
    ),
  );
}

/**
 * @param {import("./main.js").Page} page
 * @param {Store} store
 * @param {CatalogSet} catalogSet
 */
function body(page, store, catalogSet) {
  const storeCart = new StoreCart(store);
  const all = timedCatalogs(catalogSet, now(), store.timeZone);
  const available = availableNow(catalogSet, all);
  const order = async (/** @type {string} */ itemId, /** @type {TimedCatalog} */ catalog) => {
    const notServed = available.has(itemId) ? undefined : catalog.text;
    const line = await editLine({ catalogSet, line: newLine(catalogSet, itemId), action: "Add", notServed });
    if (!line) return;
    try {
      await storeCart.add(line);
      announce(`${line.quantity} × ${catalogSet.items[itemId].name} added to your cart`);
    } catch (error) {
      page.showError(error);
    }
  };
  const aside = h("aside", { class: "cart", aria: { label: "Cart" } });
  const bar = h("div", { class: "cart-bar" });
  const render = () => {
    swap(aside, ...cart(page, store, catalogSet, storeCart));
    swap(bar, storeCart.itemCount ? checkoutLink(store, catalogSet, storeCart) : null);
  };
  storeCart.onChange = render;
  render();
  const shown = h("div", { class: "menu" });
  const show = (/** @type {TimedCatalog} */ catalog) => {
    swap(shown, ...sectionBlocks(catalogSet, catalog, available, order));
  };
  const first = all.find((catalog) => catalog.open) ?? all[0];
  if (!first) return emptyState("menu", "Empty menu", h("p", null, "There is nothing to order."));
  show(first);
  return h(
    "div",
    { class: "store-body" },
    aside, // before the menu, so that few key presses lead to it
    h("div", { class: "stack" }, all.length > 1 || !first.open ? times(all, first, show) : null, shown),
    bar,
  );
}

/**
 * The catalogs to choose from, with their opening hours.
 *
 * @param {TimedCatalog[]} all
 * @param {TimedCatalog} first
 * @param {(catalog: TimedCatalog) => void} show
 */
function times(all, first, show) {
  const option = (/** @type {TimedCatalog} */ catalog) =>
    h(
      "label",
      { class: catalog.open ? "time open" : "time" },
      h("input", { type: "radio", name: "catalog", value: catalog.id, checked: catalog === first, onchange: () => show(catalog) }),
      h("span", null, h("strong", null, catalog.name), h("small", null, catalog.text)),
    );
  return h("fieldset", { class: "times" }, h("legend", { class: "visually-hidden" }, "Menus by time of day"), ...all.map(option));
}

/**
 * @param {CatalogSet} catalogSet
 * @param {TimedCatalog} catalog
 * @param {Set<string>} available
 * @param {(itemId: string, catalog: TimedCatalog) => void} order
 */
function sectionBlocks(catalogSet, catalog, available, order) {
  const blocks = catalog.sections.map((section) => block(catalogSet, section, 2, catalog, available, order));
  const jump = (/** @type {HTMLElement} */ target) => () => {
    target.scrollIntoView({ block: "start" });
    /** @type {HTMLElement | null} */ (target.querySelector("h2"))?.focus({ preventScroll: true });
  };
  const links = catalog.sections.map((section, index) =>
    h("li", null, h("button", { type: "button", class: "chip", onclick: jump(blocks[index]) }, section.name)),
  );
  return [
    catalog.open ? null : h("p", { class: "notice" }, icon("clock"), `${catalog.text}. You cannot order from it yet.`),
    links.length > 1 ? h("nav", { class: "chips", aria: { label: "Sections" } }, h("ul", null, ...links)) : null,
    ...blocks,
  ];
}

/**
 * A section with its items and nested sections.
 *
 * @param {CatalogSet} catalogSet
 * @param {Section} section
 * @param {number} level of its heading
 * @param {TimedCatalog} catalog
 * @param {Set<string>} available
 * @param {(itemId: string, catalog: TimedCatalog) => void} order
 * @returns {HTMLElement}
 */
function block(catalogSet, section, level, catalog, available, order) {
  const items = [...new Set(section.itemIds ?? [])].filter((id) => catalogSet.items[id]);
  const inner = sections(catalogSet, section.sectionIds).map((one) => block(catalogSet, one, level + 1, catalog, available, order));
  return h(
    "section",
    { class: "section" },
    h(`h${Math.min(level, 6)}`, { tabindex: "-1" }, section.name),
    items.length ? h("ul", { class: "items" }, ...items.map((id) => itemButton(catalogSet, id, available.has(id), () => order(id, catalog)))) : null,
    ...inner,
  );
}

/**
 * @param {CatalogSet} catalogSet
 * @param {string} itemId
 * @param {boolean} available
 * @param {() => void} order
 */
function itemButton(catalogSet, itemId, available, order) {
  const item = catalogSet.items[itemId];
  const price = toCents(item.basePrice);
  const from = item.startingAt ? toCents(item.startingAt) : 0;
  const before = item.compareAt ? toCents(item.compareAt) : 0;
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: available ? "item" : "item later", dataset: { item: itemId }, aria: { haspopup: "dialog" }, onclick: order },
      h("span", { class: "item-name" }, item.name),
      item.description ? h("span", { class: "quiet clamp" }, item.description) : null,
      h(
        "span",
        { class: "item-foot" },
        h("span", { class: "price" }, from > price ? `from ${dollars(from)}` : dollars(price)),
        before > price ? h("s", { class: "quiet" }, h("span", { class: "visually-hidden" }, "instead of "), dollars(before)) : null,
        available ? h("span", { class: "plus" }, icon("plus")) : h("span", { class: "quiet" }, "Not now"),
      ),
    ),
  );
}

/**
 * @param {import("./main.js").Page} page
 * @param {Store} store
 * @param {CatalogSet} catalogSet
 * @param {StoreCart} storeCart
 */
function cart(page, store, catalogSet, storeCart) {
  const title = h("h2", null, "Your cart");
  if (!storeCart.itemCount) return [title, h("p", { class: "quiet" }, "Choose a dish and it appears here.")];
  return [title, lines(catalogSet, storeCart, page.showError), checkoutLink(store, catalogSet, storeCart)];
}

/**
 * @param {Store} store
 * @param {CatalogSet} catalogSet
 * @param {StoreCart} storeCart
 */
function checkoutLink(store, catalogSet, storeCart) {
  return h(
    "a",
    { class: "primary", href: `#/stores/${encodeURIComponent(store.storeId)}/checkout` },
    h("span", null, "Checkout"),
    h("span", { class: "count-badge", aria: { label: `${storeCart.itemCount} pieces` } }, storeCart.itemCount),
    h("span", { class: "amount" }, dollars(subTotal(catalogSet, storeCart))),
  );
}
