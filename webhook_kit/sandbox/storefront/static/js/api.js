/**
 * Gett's Marketfront API, called with a session's token as by any consumer (gett-protocol.md §6). The API key stays on the
 * server, which creates the session.
 *
 * @typedef {import("./types.js").Cart} Cart
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Order} Order
 * @typedef {import("./types.js").OrderError} OrderError
 * @typedef {import("./types.js").Store} Store
 */

import { userId } from "./storage.js";

const MARKET = "/v1/marketplace/";
const HERE = { latitude: 40.7128, longitude: -74.006 };
const MAX_PLACE_ATTEMPTS = 20;

/** An error response, with the members of its problem document if it has one. */
export class Problem extends Error {
  /**
   * @param {number} status 0 without a response
   * @param {Record<string, any>} document
   */
  constructor(status, document) {
    super(String(document.detail || document.title || `answered ${status}`));
    this.status = status;
    this.code = String(document.errorCode ?? "");
    this.retryable = document.retryable === true;
    this.retryAfter = Number(document.retryAfter) || 1;
    /** @type {OrderError[]} */
    this.errors = document.errors ?? [];
  }
}

/** @typedef {{email: string, firstName: string, lastName: string, phone: string}} Identity */

/** @type {Promise<string> | null} */
let session = null;
/** The user of the session; null while it is anonymous. @type {Identity | null} */
let identity = null;

/** @returns {Promise<string>} the session's token */
function token() {
  const body = { partnerUserId: userId(), ...identity };
  session ??= send("/__storefront/session", { method: "POST", body }).then((created) => created.token);
  session.catch(() => (session = null));
  return session;
}

/**
 * Continue in a session of this user, because an anonymous one cannot place an order.
 *
 * @param {Identity} user
 */
export async function identify(user) {
  if (JSON.stringify(user) !== JSON.stringify(identity)) session = null;
  identity = user;
  await token();
}

/**
 * @param {string} path
 * @param {{method?: string, body?: unknown, headers?: Record<string, string>}} [call]
 * @returns {Promise<any>}
 */
async function send(path, { method = "GET", body, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, { detail: "The sandbox does not respond. Is it still running?" });
  }
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, data);
  return data;
}

/**
 * Call the API with the session's token. An expired session is replaced once.
 *
 * @param {string} path
 * @param {Parameters<typeof send>[1]} [call]
 * @returns {Promise<any>}
 */
async function market(path, call = {}) {
  const attempt = async () =>
    send(MARKET + path, { ...call, headers: { ...call.headers, Authorization: `Bearer ${await token()}` } });
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof Problem && (error.status === 401 || error.code.startsWith("session_")))) throw error;
    session = null;
    return attempt();
  }
}

/**
 * @param {{query: string, fulfillmentType: string, offset?: number}} filter
 * @returns {Promise<{stores: Store[], totalCount: number, hasMore: boolean}>}
 */
export function discover({ query, fulfillmentType, offset = 0 }) {
  const body = { location: HERE, limit: 100, offset, ...(query && { query }), ...(fulfillmentType && { fulfillmentType }) };
  return market("stores/discover", { method: "POST", body });
}

/**
 * @param {string} id
 * @returns {Promise<Store>}
 */
export function store(id) {
  return market(`stores/${encodeURIComponent(id)}`);
}

/**
 * @param {string} id
 * @returns {Promise<CatalogSet>}
 */
export function catalogSet(id) {
  return market(`catalog-sets/${encodeURIComponent(id)}`);
}

/**
 * @param {Cart} cart
 * @param {Line} lineItem
 * @returns {Promise<Cart>}
 */
export function addToCart(cart, lineItem) {
  return market("carts/add", { method: "POST", body: { cart, lineItem } });
}

/**
 * @param {Cart} cart
 * @param {string} lineItemId
 * @param {number} quantity 0 removes the line
 * @returns {Promise<Cart>}
 */
export function updateCart(cart, lineItemId, quantity) {
  return market("carts/update", { method: "POST", body: { cart, lineItemId, quantity } });
}

/**
 * @param {Cart} cart
 * @param {string} lineItemId
 * @returns {Promise<Cart>}
 */
export function removeFromCart(cart, lineItemId) {
  return market("carts/remove", { method: "POST", body: { cart, lineItemId } });
}

/**
 * @param {Order} order
 * @returns {Promise<Order>} with `amounts`, and `errors` when it is not valid
 */
export function validate(order) {
  return market("orders/validate", { method: "POST", body: order });
}

/**
 * Place an order. While the problem is retryable, repeat the call with the same key, which cannot place the order twice.
 *
 * @param {Order} order
 * @param {string} key the Idempotency-Key
 * @param {(problem: Problem) => void} onWait called before each retry
 * @returns {Promise<Order>}
 */
export async function place(order, key, onWait) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await market("orders/place", { method: "POST", body: order, headers: { "Idempotency-Key": key } });
    } catch (error) {
      if (!(error instanceof Problem && error.retryable) || attempt === MAX_PLACE_ATTEMPTS) throw error;
      onWait(error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(error.retryAfter, 30) * 1000));
    }
  }
}

/**
 * @param {number} after number of the last entry received
 * @param {number} wait seconds to wait for a new entry
 * @returns {Promise<{entries: import("./types.js").Entry[]}>}
 */
export function log(after, wait) {
  return send(`/__sandbox/log?after=${after}&wait=${wait}`);
}

/** @returns {Promise<{now: string, speed: number}>} the sandbox's clock */
export function clock() {
  return send("/__sandbox/clock");
}
