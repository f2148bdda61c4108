/**
 * Data in the browser's storage: the user's id, and for each user carts, orders and the last form values. The client keeps the
 * carts (gett-protocol.md §6).
 *
 * @typedef {import("./types.js").Cart} Cart
 * @typedef {import("./types.js").Order} Order
 */

const MAX_ORDERS = 20;

/** @returns {string} the partner's id of this user */
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
export function loadCart(storeId) {
  return load("carts")[storeId] ?? null;
}

/** @param {Cart} cart an empty one is removed */
export function saveCart(cart) {
  const { [cart.storeId]: _, ...others } = load("carts");
  save("carts", cart.lineItems.length ? { ...others, [cart.storeId]: cart } : others);
}

/** @returns {Order[]} the latest first */
export function loadOrders() {
  return load("orders").list ?? [];
}

/** @param {Order} order */
export function saveOrder(order) {
  const others = loadOrders().filter((one) => one.gettOrderId !== order.gettOrderId);
  save("orders", { list: [order, ...others].slice(0, MAX_ORDERS) });
}

/** @returns {Record<string, any>} the last values of the checkout form */
export function loadDetails() {
  return load("details");
}

/** @param {Record<string, any>} details */
export function saveDetails(details) {
  save("details", details);
}

/**
 * @param {string} name
 * @returns {any}
 */
function load(name) {
  return read(`${userId()}/${name}`) ?? {};
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function save(name, value) {
  write(`${userId()}/${name}`, value);
}

/**
 * @param {string} key
 * @returns {any}
 */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null; // not valid: treated as absent
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function write(key, value) {
  localStorage.setItem(key, JSON.stringify(value));
}
