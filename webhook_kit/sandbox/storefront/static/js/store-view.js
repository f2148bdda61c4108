/**
 * The view of a store: its catalogs by time of day, and the cart.
 *
 * @typedef {import("./catalog.js").TimedCatalog} TimedCatalog
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { StoreCart } from "./store-cart.js";
import { now } from "./clock.js";
import { emptyState, skeleton } from "./controls.js";
import { announce, h, swap } from "./dom.js";
import { editLine } from "./item-dialog.js";
import { lines, subTotal } from "./lines.js";
import { availableNow, timedCatalogs } from "./catalog.js";
import { Menu } from "./menu.js";
import { dollars } from "./money.js";
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
  /** @type {Menu | null} */
  let menu = null;
  page.onLeave(() => menu?.stop());
  const show = (/** @type {TimedCatalog} */ catalog) => {
    menu?.stop();
    menu = new Menu(catalogSet, catalog, available, order);
    swap(shown, ...menu.parts);
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
