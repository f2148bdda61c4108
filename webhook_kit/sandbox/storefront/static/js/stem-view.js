/**
 * The view of a store at its address for people, `/store/{stem}` (gett-protocol.md §6).
 *
 * @typedef {import("./types.js").Store} Store
 */

import { discover } from "./api.js";
import { emptyState, skeleton } from "./controls.js";
import { h, swap } from "./dom.js";

/** @returns {string} the stem of the URL; empty at other addresses */
export function stemOfUrl() {
  return location.pathname.match(/^\/store\/([^/]+)$/)?.[1] ?? "";
}

/**
 * Find the store with this stem, and show it.
 *
 * @param {import("./main.js").Page} page
 * @param {string} stem
 * @returns {HTMLElement}
 */
export function stemView(page, stem) {
  page.title("Store");
  const root = h("div", { class: "stack" }, skeleton("Loading the store", 6));
  const load = async () => {
    try {
      const store = await find(stem);
      if (store) location.replace(`/#/stores/${encodeURIComponent(store.storeId)}`);
      else swap(root, emptyState("store", "There is no such store", h("a", { class: "primary", href: "/" }, "To all stores")));
    } catch (error) {
      swap(root, page.failed(error, load));
    }
  };
  load();
  return root;
}

/**
 * @param {string} stem
 * @returns {Promise<Store | null>}
 */
async function find(stem) {
  for (let offset = 0; ; ) {
    const page = await discover({ query: "", fulfillmentType: "", offset });
    const found = page.stores.find((store) => store.stem === stem);
    offset += page.stores.length;
    if (found || !page.hasMore) return found ?? null;
  }
}
