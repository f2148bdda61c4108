/**
 * The menu of one catalog: links to its sections, and its items.
 *
 * @typedef {import("./catalog.js").TimedCatalog} TimedCatalog
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Section} Section
 */

import { sections } from "./catalog.js";
import { h, icon } from "./dom.js";
import { dollars, toCents } from "./money.js";
import { picture } from "./pictures.js";
import { startingPrice } from "./starting-price.js";

const LONG = 200; // items; in a longer menu, those outside the window are not rendered
const AT_ONCE = 40; // items shown with the page; the others follow, so that a long menu opens as fast as a short one
const STEP = 40; // items added at a time
const SETTLING = 6; // frames
const PAUSE = 16; // ms between two steps

/**
 * Scroll to an element, and again while items above it get their real heights in place of estimated ones.
 *
 * @param {HTMLElement} target
 * @param {number} [frames]
 */
function scrollTo(target, frames = SETTLING) {
  target.scrollIntoView({ block: "start" });
  if (frames) requestAnimationFrame(() => scrollTo(target, frames - 1));
}

export class Menu {
  /** Functions that add one item each, in the order of the page. @type {(() => void)[]} */
  #missing = [];
  #timer = 0;

  /**
   * @param {CatalogSet} catalogSet
   * @param {TimedCatalog} catalog
   * @param {Set<string>} available ids of the items that can be ordered now
   * @param {(itemId: string, catalog: TimedCatalog) => void} order
   */
  constructor(catalogSet, catalog, available, order) {
    this.catalogSet = catalogSet;
    this.catalog = catalog;
    this.available = available;
    this.order = order;
    const blocks = catalog.sections.map((section) => this.#block(section, 2));
    /** @type {(HTMLElement | null)[]} */
    this.parts = [
      catalog.open ? null : h("p", { class: "notice" }, icon("clock"), `${catalog.text}. You cannot order from it yet.`),
      blocks.length > 1 ? this.#links(blocks) : null,
      ...blocks,
    ];
    if (this.#missing.length > LONG) for (const block of blocks) block.classList.add("long");
    this.#fill(AT_ONCE);
  }

  /** Add no more items. */
  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {number} count of items to add now; the others follow */
  #fill(count) {
    for (const add of this.#missing.splice(0, count)) add();
    clearTimeout(this.#timer);
    if (this.#missing.length) this.#timer = window.setTimeout(() => this.#fill(STEP), PAUSE);
  }

  /** @param {HTMLElement[]} blocks */
  #links(blocks) {
    const jump = (/** @type {HTMLElement} */ target) => () => {
      this.#fill(Infinity); // items that are added later would move the target
      scrollTo(target);
      /** @type {HTMLElement | null} */ (target.querySelector("h2"))?.focus({ preventScroll: true });
    };
    const links = this.catalog.sections.map((section, index) =>
      h("li", null, h("button", { type: "button", class: "chip", onclick: jump(blocks[index]) }, section.name)),
    );
    return h("nav", { class: "chips", aria: { label: "Sections" } }, h("ul", null, ...links));
  }

  /**
   * A section with its items and nested sections.
   *
   * @param {Section} section
   * @param {number} level of its heading
   * @returns {HTMLElement}
   */
  #block(section, level) {
    const items = [...new Set(section.itemIds ?? [])].filter((id) => this.catalogSet.items[id]);
    const list = items.length ? h("ul", { class: "items" }) : null;
    this.#missing.push(...items.map((id) => () => list?.append(this.#item(id))));
    const inner = sections(this.catalogSet, section.sectionIds).map((one) => this.#block(one, level + 1));
    return h("section", { class: "section" }, h(`h${Math.min(level, 6)}`, { tabindex: "-1" }, section.name), list, ...inner);
  }

  /** @param {string} itemId */
  #item(itemId) {
    const item = this.catalogSet.items[itemId];
    const available = this.available.has(itemId);
    const before = item.compareAt ? toCents(item.compareAt) : 0;
    return h(
      "li",
      null,
      h(
        "button",
        {
          type: "button",
          class: available ? "item" : "item later",
          dataset: { item: itemId },
          aria: { haspopup: "dialog" },
          onclick: () => this.order(itemId, this.catalog),
        },
        h("span", { class: "item-name" }, item.name),
        item.description ? h("span", { class: "quiet clamp" }, item.description) : null,
        h(
          "span",
          { class: "item-foot" },
          h("span", { class: "price" }, startingPrice(this.catalogSet, itemId)),
          before > toCents(item.basePrice)
            ? h("s", { class: "quiet" }, h("span", { class: "visually-hidden" }, "instead of "), dollars(before))
            : null,
          available ? h("span", { class: "plus" }, icon("plus")) : h("span", { class: "quiet" }, "Not now"),
        ),
        picture(item.imageUrl),
      ),
    );
  }
}
