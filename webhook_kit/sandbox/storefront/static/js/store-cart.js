/**
 * The cart of one store: stored in the browser, changed by the API only.
 *
 * @typedef {import("./types.js").Cart} Cart
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { loadCart, saveCart } from "./storage.js";

export class StoreCart {
  /** @type {Promise<unknown>} */
  #queue = Promise.resolve();

  /** @param {Store} store */
  constructor(store) {
    /** @type {Cart} */
    this.cart = { storeId: store.storeId, lineItems: [], ...loadCart(store.storeId), catalogSetId: store.catalogSetId };
    /** Called after each change. */
    this.onChange = () => {};
  }

  /** @returns {number} total quantity of its lines */
  get itemCount() {
    return this.cart.lineItems.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** @param {Line} line */
  add(line) {
    return this.#change((cart) => api.addToCart(cart, line));
  }

  /**
   * Change the quantity of a line by a step, so that clicks count that are faster than the responses.
   *
   * @param {string} lineItemId
   * @param {number} by
   */
  step(lineItemId, by) {
    return this.#change(async (cart) => {
      const line = cart.lineItems.find((one) => one.lineItemId === lineItemId);
      return line && line.quantity + by > 0 ? api.updateCart(cart, lineItemId, line.quantity + by) : cart;
    });
  }

  /** @param {string} lineItemId */
  remove(lineItemId) {
    return this.#change((cart) => api.removeFromCart(cart, lineItemId));
  }

  /**
   * Replace a line.
   *
   * @param {string} lineItemId
   * @param {Line} line
   */
  replace(lineItemId, line) {
    const { lineItemId: _, ...rest } = line;
    return this.#change(async (cart) => api.addToCart(await api.removeFromCart(cart, lineItemId), rest));
  }

  /** Remove all lines. */
  clear() {
    return this.#change(async (cart) => ({ ...cart, lineItems: [] }));
  }

  /**
   * Run operations one after the other, because each needs the cart that the one before returned.
   *
   * @param {(cart: Cart) => Promise<Cart>} operation
   * @returns {Promise<void>}
   */
  #change(operation) {
    const done = this.#queue.then(async () => {
      this.cart = await operation(this.cart);
      saveCart(this.cart);
      this.onChange();
    });
    this.#queue = done.catch(() => {});
    return done;
  }
}
