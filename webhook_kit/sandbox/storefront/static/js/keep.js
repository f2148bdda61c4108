/**
 * What the browser keeps: who is ordering, and for each of them carts, orders and what was typed last. Carts are the client's
 * (gett-protocol.md §6).
 *
 * @typedef {import("./types.js").Cart} Cart
 * @typedef {import("./types.js").Order} Order
 */

const ORDERS_KEPT = 20;

/** @returns {string} the partner's name for whoever orders here */
export function userId() {
  let id = read("partnerUserId");
  if (typeof id !== "string") {
    id = `storefront-${crypto.randomUUID()}`;
    write("partnerUserId", id);
  }
  return id;
}

/**
 * @param {string} storeId
 * @returns {Cart | null}
 */
export function cartOf(storeId) {
  return own("carts")[storeId] ?? null;
}

/** @param {Cart} cart an empty one is forgotten */
export function keepCart(cart) {
  const { [cart.storeId]: _, ...others } = own("carts");
  keep("carts", cart.lineItems.length ? { ...others, [cart.storeId]: cart } : others);
}

/** @returns {Order[]} the latest first */
export function orders() {
  return own("orders").list ?? [];
}

/** @param {Order} order */
export function keepOrder(order) {
  const others = orders().filter((one) => one.gettOrderId !== order.gettOrderId);
  keep("orders", { list: [order, ...others].slice(0, ORDERS_KEPT) });
}

/** @returns {Record<string, any>} what was typed into the checkout last */
export function details() {
  return own("details");
}

/** @param {Record<string, any>} typed */
export function keepDetails(typed) {
  keep("details", typed);
}

/**
 * @param {string} what
 * @returns {any}
 */
function own(what) {
  return read(`${userId()}/${what}`) ?? {};
}

/**
 * @param {string} what
 * @param {unknown} value
 */
function keep(what, value) {
  write(`${userId()}/${what}`, value);
}

/**
 * @param {string} key
 * @returns {any}
 */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null; // not ours, or out of order: begin anew
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function write(key, value) {
  localStorage.setItem(key, JSON.stringify(value));
}
