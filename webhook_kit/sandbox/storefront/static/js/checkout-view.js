/**
 * The checkout: form and amounts of an order, which the store validates before it is placed.
 *
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Order} Order
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { amountsTable } from "./amounts.js";
import { StoreCart } from "./store-cart.js";
import { emptyState, skeleton } from "./controls.js";
import * as errors from "./errors.js";
import { announce, h, icon, swap } from "./dom.js";
import { Form } from "./form.js";
import { saveOrder, userId } from "./storage.js";
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
      const storeCart = new StoreCart(store);
      if (!storeCart.itemCount || !store.catalogSetId) swap(root, empty(store));
      else swap(root, new Checkout(page, store, await api.catalogSet(store.catalogSetId), storeCart).root);
    } catch (error) {
      swap(root, page.failed(error, load));
    }
    page.arrived(root);
  };
  load();
  return root;
}

/** @param {Store} store */
function empty(store) {
  const back = h("a", { class: "primary", href: `#/stores/${encodeURIComponent(store.storeId)}` }, "To the menu");
  return emptyState("cart", "Your cart is empty", h("p", null, `${store.name} has more to offer.`), back);
}

class Checkout {
  /**
   * @param {import("./main.js").Page} page
   * @param {Store} store
   * @param {CatalogSet} catalogSet
   * @param {StoreCart} storeCart
   */
  constructor(page, store, catalogSet, storeCart) {
    this.page = page;
    this.store = store;
    this.catalogSet = catalogSet;
    this.storeCart = storeCart;
    /** The validated order, and the key for its placement. @type {{order: Order, key: string} | null} */
    this.checked = null;
    this.busy = "";
    this.head = h("div", { class: "errors" });
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
    storeCart.onChange = () => this.changed();
    this.render();
  }

  /** Discard the validated order, because form or cart changed. */
  changed() {
    this.checked = null;
    errors.clear(this.root, this.head);
    if (!this.storeCart.itemCount) {
      swap(this.root, empty(this.store));
      return;
    }
    this.render();
  }

  render() {
    const amounts = this.checked?.order.amounts;
    const tip = this.form.tipCents(subTotal(this.catalogSet, this.storeCart));
    const estimate = { subTotal: fromCents(subTotal(this.catalogSet, this.storeCart)), tip: fromCents(tip ?? 0) };
    swap(
      this.summary,
      h("h2", null, "Your order"),
      lines(this.catalogSet, this.storeCart, this.page.showError),
      amountsTable(amounts ?? estimate, amounts ? "" : "Taxes and fees are added when the order is checked"),
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
    errors.clear(this.root, this.head);
    const invalid = this.form.errors();
    if (invalid.length) {
      errors.show(this.root, this.head, invalid, "Please correct this");
      return;
    }
    if (this.checked) await this.place(this.checked);
    else await this.check();
  }

  async check() {
    this.setBusy("Checking …");
    try {
      const order = await api.validate(this.order());
      if (order.isValid) {
        this.checked = { order, key: crypto.randomUUID() };
        announce(`The store accepts this order. Total ${dollars(toCents(order.amounts?.total))}.`);
      }
      this.setBusy("");
      if (!order.isValid) errors.show(this.root, this.head, order.errors ?? [], "The store cannot take this order");
    } catch (error) {
      this.fail(error, "The order could not be checked");
    }
  }

  /** @param {{order: Order, key: string}} checked */
  async place({ order, key }) {
    this.setBusy("Placing …");
    const request = { ...this.order(), amounts: order.amounts, validatedOrderToken: order.validatedOrderToken };
    try {
      await this.identify();
      const placed = await api.place({ ...request, payment: { type: "gettPayment" } }, key, () => this.setBusy("Gett is retrying …"));
      saveOrder(receipt(placed, this.store, this.catalogSet, this.storeCart));
      this.storeCart.onChange = () => {};
      await this.storeCart.clear();
      this.page.go(`#/orders/${encodeURIComponent(placed.gettOrderId)}`);
    } catch (error) {
      this.checked = null;
      this.fail(error, "The order was not placed");
    }
  }

  /** Give the session its user; an error is shown at the field of the form. */
  async identify() {
    const { firstName, lastName, email, phone } = this.form.orderMembers().customer;
    try {
      await api.identify({ email, firstName, lastName, phone });
    } catch (error) {
      if (error instanceof api.Problem) error.errors = error.errors.map((one) => ({ ...one, jsonPath: one.jsonPath?.replace("$", "$.customer") }));
      throw error;
    }
  }

  /** @returns {Order} */
  order() {
    const fields = this.form.orderMembers();
    return {
      cart: this.storeCart.cart,
      ...fields,
      customer: { ...fields.customer, partnerUserId: userId() },
      amounts: { tip: fromCents(this.form.tipCents(subTotal(this.catalogSet, this.storeCart)) ?? 0) },
    };
  }

  /** @param {string} text current action; empty when there is none */
  setBusy(text) {
    this.busy = text;
    this.render();
    if (text) announce(text);
  }

  /**
   * @param {unknown} error
   * @param {string} title
   */
  fail(error, title) {
    this.setBusy("");
    if (!(error instanceof api.Problem)) throw error;
    const list = error.errors.length ? error.errors : [{ code: error.code, message: error.message }];
    errors.show(this.root, this.head, list, title);
  }
}
