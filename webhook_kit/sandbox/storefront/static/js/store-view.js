/**
 * One store: its menu by time of day, and the cart beside it.
 *
 * @typedef {import("./menu.js").Sitting} Sitting
 * @typedef {import("./types.js").Menu} Menu
 * @typedef {import("./types.js").Section} Section
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { Basket } from "./basket.js";
import { now } from "./clock.js";
import { blank, skeleton } from "./controls.js";
import { announce, h, icon, swap } from "./dom.js";
import { makeUp } from "./item-sheet.js";
import { lines, subTotal } from "./lines.js";
import { sections, servedNow, sittings } from "./menu.js";
import { dollars, toCents } from "./money.js";
import { fresh } from "./rules.js";
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
        swap(root, head(store), blank("menu", "No menu yet", h("p", null, "Gett has not taken in a menu of this store.")));
        return;
      }
      const menu = await api.catalogSet(store.catalogSetId);
      swap(root, head(store), body(page, store, menu));
    } catch (failure) {
      swap(root, page.failed(failure, load));
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
 * @param {Menu} menu
 */
function body(page, store, menu) {
  const basket = new Basket(store);
  const all = sittings(menu, now(), store.timeZone);
  const served = servedNow(menu, all);
  const order = async (/** @type {string} */ itemId, /** @type {Sitting} */ sitting) => {
    const notServed = served.has(itemId) ? undefined : sitting.text;
    const line = await makeUp({ menu, line: fresh(menu, itemId), action: "Add", notServed });
    if (!line) return;
    try {
      await basket.add(line);
      announce(`${line.quantity} × ${menu.items[itemId].name} added to your cart`);
    } catch (failure) {
      page.complain(failure);
    }
  };
  const aside = h("aside", { class: "cart", aria: { label: "Cart" } });
  const bar = h("div", { class: "cart-bar" });
  const render = () => {
    swap(aside, ...cart(page, store, menu, basket));
    swap(bar, basket.pieces ? checkoutLink(store, menu, basket) : null);
  };
  basket.onChange = render;
  render();
  const shown = h("div", { class: "menu" });
  const choose = (/** @type {Sitting} */ sitting) => {
    swap(shown, ...courses(menu, sitting, served, order));
  };
  const first = all.find((sitting) => sitting.open) ?? all[0];
  if (!first) return blank("menu", "An empty menu", h("p", null, "There is nothing on it to order."));
  choose(first);
  return h(
    "div",
    { class: "store-body" },
    aside, // before the menu, which is long: the keyboard reaches it in a few steps
    h("div", { class: "stack" }, all.length > 1 || !first.open ? times(all, first, choose) : null, shown),
    bar,
  );
}

/**
 * The catalogs to choose from, each with when it is served.
 *
 * @param {Sitting[]} all
 * @param {Sitting} first
 * @param {(sitting: Sitting) => void} choose
 */
function times(all, first, choose) {
  const option = (/** @type {Sitting} */ sitting) =>
    h(
      "label",
      { class: sitting.open ? "time open" : "time" },
      h("input", { type: "radio", name: "catalog", value: sitting.id, checked: sitting === first, onchange: () => choose(sitting) }),
      h("span", null, h("strong", null, sitting.name), h("small", null, sitting.text)),
    );
  return h("fieldset", { class: "times" }, h("legend", { class: "unseen" }, "Menus by time of day"), ...all.map(option));
}

/**
 * @param {Menu} menu
 * @param {Sitting} sitting
 * @param {Set<string>} served
 * @param {(itemId: string, sitting: Sitting) => void} order
 */
function courses(menu, sitting, served, order) {
  const blocks = sitting.sections.map((section) => block(menu, section, 2, sitting, served, order));
  const jump = (/** @type {HTMLElement} */ target) => () => {
    target.scrollIntoView({ block: "start" });
    /** @type {HTMLElement | null} */ (target.querySelector("h2"))?.focus({ preventScroll: true });
  };
  const links = sitting.sections.map((section, index) =>
    h("li", null, h("button", { type: "button", class: "chip", onclick: jump(blocks[index]) }, section.name)),
  );
  return [
    sitting.open ? null : h("p", { class: "notice" }, icon("clock"), `${sitting.text}. You can look, but not order yet.`),
    links.length > 1 ? h("nav", { class: "chips", aria: { label: "Sections" } }, h("ul", null, ...links)) : null,
    ...blocks,
  ];
}

/**
 * A section with its dishes, and the sections in it.
 *
 * @param {Menu} menu
 * @param {Section} section
 * @param {number} level of its heading
 * @param {Sitting} sitting
 * @param {Set<string>} served
 * @param {(itemId: string, sitting: Sitting) => void} order
 * @returns {HTMLElement}
 */
function block(menu, section, level, sitting, served, order) {
  const items = [...new Set(section.itemIds ?? [])].filter((id) => menu.items[id]);
  const inner = sections(menu, section.sectionIds).map((one) => block(menu, one, level + 1, sitting, served, order));
  return h(
    "section",
    { class: "section" },
    h(`h${Math.min(level, 6)}`, { tabindex: "-1" }, section.name),
    items.length ? h("ul", { class: "dishes" }, ...items.map((id) => dish(menu, id, served.has(id), () => order(id, sitting)))) : null,
    ...inner,
  );
}

/**
 * @param {Menu} menu
 * @param {string} itemId
 * @param {boolean} served
 * @param {() => void} order
 */
function dish(menu, itemId, served, order) {
  const item = menu.items[itemId];
  const price = toCents(item.basePrice);
  const from = item.startingAt ? toCents(item.startingAt) : 0;
  const before = item.compareAt ? toCents(item.compareAt) : 0;
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: served ? "dish" : "dish later", dataset: { item: itemId }, aria: { haspopup: "dialog" }, onclick: order },
      h("span", { class: "dish-name" }, item.name),
      item.description ? h("span", { class: "quiet clamp" }, item.description) : null,
      h(
        "span",
        { class: "dish-foot" },
        h("span", { class: "price" }, from > price ? `from ${dollars(from)}` : dollars(price)),
        before > price ? h("s", { class: "quiet" }, h("span", { class: "unseen" }, "instead of "), dollars(before)) : null,
        served ? h("span", { class: "plus" }, icon("plus")) : h("span", { class: "quiet" }, "Not now"),
      ),
    ),
  );
}

/**
 * @param {import("./main.js").Page} page
 * @param {Store} store
 * @param {Menu} menu
 * @param {Basket} basket
 */
function cart(page, store, menu, basket) {
  const title = h("h2", null, "Your cart");
  if (!basket.pieces) return [title, h("p", { class: "quiet" }, "Choose a dish and it appears here.")];
  return [title, lines(menu, basket, page.complain), checkoutLink(store, menu, basket)];
}

/**
 * @param {Store} store
 * @param {Menu} menu
 * @param {Basket} basket
 */
function checkoutLink(store, menu, basket) {
  return h(
    "a",
    { class: "primary", href: `#/stores/${encodeURIComponent(store.storeId)}/checkout` },
    h("span", null, "Checkout"),
    h("span", { class: "count-badge", aria: { label: `${basket.pieces} pieces` } }, basket.pieces),
    h("span", { class: "amount" }, dollars(subTotal(menu, basket))),
  );
}
