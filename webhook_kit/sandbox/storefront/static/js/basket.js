/**
 * The cart of one store: kept in the browser, changed by the API alone.
 *
 * @typedef {import("./types.js").Cart} Cart
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").Store} Store
 */

import * as api from "./api.js";
import { cartOf, keepCart } from "./keep.js";

export class Basket {
  /** @type {Promise<unknown>} */
  #queue = Promise.resolve();

  /** @param {Store} store */
  constructor(store) {
    /** @type {Cart} */
    this.cart = { storeId: store.storeId, lineItems: [], ...cartOf(store.storeId), catalogSetId: store.catalogSetId };
    /** Called after each change. */
    this.onChange = () => {};
  }

  /** @returns {number} how many pieces are in it */
  get pieces() {
    return this.cart.lineItems.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** @param {Line} line */
  add(line) {
    return this.#change((cart) => api.addToCart(cart, line));
  }

  /**
   * Change the quantity of a line, by a step: clicks may come quicker than answers, and each one counts.
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
   * Put another line in the place of one.
   *
   * @param {string} lineItemId
   * @param {Line} line
   */
  replace(lineItemId, line) {
    const { lineItemId: _, ...anew } = line;
    return this.#change(async (cart) => api.addToCart(await api.removeFromCart(cart, lineItemId), anew));
  }

  /** Take everything out. */
  clear() {
    return this.#change(async (cart) => ({ ...cart, lineItems: [] }));
  }

  /**
   * One after the other: each call is a function of the cart that the one before it gave back.
   *
   * @param {(cart: Cart) => Promise<Cart>} operation
   * @returns {Promise<void>}
   */
  #change(operation) {
    const done = this.#queue.then(async () => {
      this.cart = await operation(this.cart);
      keepCart(this.cart);
      this.onChange();
    });
    this.#queue = done.catch(() => {});
    return done;
  }
}
