/**
 * The checkout: how, where, who, and what it costs; checked by the store, then placed.
 *
 * @typedef {import("./types.js").Menu} Menu
 * @typedef {import("./types.js").Order} Order
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { amountsTable } from "./amounts.js";
import { Basket } from "./basket.js";
import { blank, skeleton } from "./controls.js";
import * as complaints from "./complaints.js";
import { announce, h, icon, swap } from "./dom.js";
import { Form } from "./form.js";
import { keepOrder, userId } from "./keep.js";
import { lines, subTotal } from "./lines.js";
import { dollars, fromCents, toCents } from "./money.js";
import { receipt } from "./receipt.js";

/**
 * @param {import("./main.js").Page} page
 * @param {string} storeId
 * @returns {HTMLElement}
 */
export function checkoutView(page, storeId) {
  page.title("Checkout");
  const root = h("div", { class: "stack" }, skeleton("Loading your cart", 4));
  const load = async () => {
    try {
      const store = await api.store(storeId);
      const basket = new Basket(store);
      if (!basket.pieces || !store.catalogSetId) swap(root, empty(store));
      else swap(root, new Checkout(page, store, await api.catalogSet(store.catalogSetId), basket).root);
    } catch (failure) {
      swap(root, page.failed(failure, load));
    }
    page.arrived(root);
  };
  load();
  return root;
}

/** @param {Store} store */
function empty(store) {
  const back = h("a", { class: "primary", href: `#/stores/${encodeURIComponent(store.storeId)}` }, "To the menu");
  return blank("cart", "Your cart is empty", h("p", null, `${store.name} has more to offer.`), back);
}

class Checkout {
  /**
   * @param {import("./main.js").Page} page
   * @param {Store} store
   * @param {Menu} menu
   * @param {Basket} basket
   */
  constructor(page, store, menu, basket) {
    this.page = page;
    this.store = store;
    this.menu = menu;
    this.basket = basket;
    /** The order as the store found it valid, and the key it will be placed with. @type {{order: Order, key: string} | null} */
    this.checked = null;
    this.busy = "";
    this.head = h("div", { class: "complaints" });
    this.summary = h("section", { class: "summary", aria: { label: "Your order" }, dataset: { path: "$.cart" } });
    this.form = new Form(store, () => this.changed());
    this.root = h(
      "form",
      { class: "checkout", novalidate: true, onsubmit: (/** @type {Event} */ event) => this.submit(event) },
      h(
        "div",
        { class: "checkout-head" },
        h("a", { class: "back", href: `#/stores/${encodeURIComponent(store.storeId)}` }, icon("back"), store.name),
        h("h1", { tabindex: "-1" }, "Checkout"),
        this.head,
      ),
      this.form.root,
      this.summary,
    );
    basket.onChange = () => this.changed();
    this.render();
  }

  /** Whatever was checked is another order now. */
  changed() {
    this.checked = null;
    complaints.clear(this.root, this.head);
    if (!this.basket.pieces) {
      swap(this.root, empty(this.store));
      return;
    }
    this.render();
  }

  render() {
    const amounts = this.checked?.order.amounts;
    const tip = this.form.tipCents(subTotal(this.menu, this.basket));
    const estimate = { subTotal: fromCents(subTotal(this.menu, this.basket)), tip: fromCents(tip ?? 0) };
    swap(
      this.summary,
      h("h2", null, "Your order"),
      lines(this.menu, this.basket, this.page.complain),
      amountsTable(amounts ?? estimate, amounts ? "" : "Taxes and fees come with the check"),
      this.button(amounts),
    );
  }

  /** @param {Record<string, any> | undefined} amounts of a checked order */
  button(amounts) {
    const text = this.busy || (amounts ? "Place order" : "Check order");
    return h(
      "button",
      { class: "primary", dataset: { key: "go" }, aria: { disabled: this.busy ? "true" : null } },
      this.busy ? h("span", { class: "spinner", aria: { hidden: "true" } }) : null,
      h("span", null, text),
      amounts ? h("span", { class: "amount" }, dollars(toCents(amounts.total))) : null,
    );
  }

  /** @param {Event} event */
  async submit(event) {
    event.preventDefault();
    if (this.busy) return;
    complaints.clear(this.root, this.head);
    const wrong = this.form.mistakes();
    if (wrong.length) {
      complaints.show(this.root, this.head, wrong, "Please look at this again");
      return;
    }
    if (this.checked) await this.place(this.checked);
    else await this.check();
  }

  async check() {
    this.work("Checking …");
    try {
      const order = await api.validate(this.order());
      if (order.isValid) {
        this.checked = { order, key: crypto.randomUUID() };
        announce(`The store takes this order. In all ${dollars(toCents(order.amounts?.total))}.`);
      }
      this.work("");
      if (!order.isValid) complaints.show(this.root, this.head, order.errors ?? [], "The store cannot make this order");
    } catch (failure) {
      this.fail(failure, "The order could not be checked");
    }
  }

  /** @param {{order: Order, key: string}} checked */
  async place({ order, key }) {
    this.work("Placing …");
    const wanted = { ...this.order(), amounts: order.amounts, validatedOrderToken: order.validatedOrderToken };
    try {
      const placed = await api.place({ ...wanted, payment: { type: "gettPayment" } }, key, () => this.work("Gett is still trying …"));
      keepOrder(receipt(placed, this.store, this.menu, this.basket));
      this.basket.onChange = () => {};
      await this.basket.clear();
      this.page.go(`#/orders/${encodeURIComponent(placed.gettOrderId)}`);
    } catch (failure) {
      this.checked = null;
      this.fail(failure, "The order was not placed");
    }
  }

  /** @returns {Order} */
  order() {
    const typed = this.form.typed();
    return {
      cart: this.basket.cart,
      ...typed,
      customer: { ...typed.customer, partnerUserId: userId() },
      amounts: { tip: fromCents(this.form.tipCents(subTotal(this.menu, this.basket)) ?? 0) },
    };
  }

  /** @param {string} text what is being done; nothing when empty */
  work(text) {
    this.busy = text;
    this.render();
    if (text) announce(text);
  }

  /**
   * @param {unknown} failure
   * @param {string} title
   */
  fail(failure, title) {
    this.work("");
    if (!(failure instanceof api.Problem)) throw failure;
    const errors = failure.errors.length ? failure.errors : [{ code: failure.code, message: failure.message }];
    complaints.show(this.root, this.head, errors, title);
  }
}
