#!/usr/bin/env node
// A whole point of sale, without dependencies, that joins Gett through webhook_kit's HTTP adapter: node pos.js
//
// It has two ports. The first answers the kit's signed calls (`python -m webhook_kit_http` prints the contract). The second, on the
// loopback only, is for the staff: list and advance tickets, make items unavailable, change prices, close the store.
//
//   SECRET       secret with which kit and POS sign; several, separated by commas, while it is rotated   (required)
//   STORE_ID     id of the store in the kit                                                              (required)
//   KIT_URL      address for events: https://…/pos/http-native/events; without it none are sent
//   PORT, STAFF_PORT   8000 and 8001; 0 takes a free one. Both are printed.
//   JOURNAL      file in which everything is stored (pos.journal)
//   IGNORE_KEYS  1: ignore the Idempotency-Key; then the adapter is `http`, not `http-native`
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

const { SECRET, STORE_ID, KIT_URL, PORT = "8000", STAFF_PORT = "8001", JOURNAL = "pos.journal", IGNORE_KEYS } = process.env;
if (!SECRET || !STORE_ID) {
  console.error("pos.js: set SECRET and STORE_ID");
  process.exit(1);
}
const SECRETS = SECRET.split(",").map((each) => each.trim()).filter(Boolean);

// -- the catalog; money is in cents, because binary fractions are not exact -------------------------------------------

const item = (name, price, ...groups) => ({ name, price, groups });
const ITEMS = {
  margherita: item("Margherita", 950, "size", "toppings"),
  marinara: item("Marinara", 825, "size", "toppings"),
  lunch: item("Lunch: schnitzel and a side", 1400, "side"),
  lemonade: item("Lemonade", 320),
  water: item("Water", 180),
  small: item("Small", 0),
  large: item("Large", 300),
  basil: item("Basil", 75),
  olives: item("Olives", 100),
  ham: item("Ham", 150),
  fries: item("Fries", 0, "dips"),
  salad: item("Salad", 100),
  ketchup: item("Ketchup", 30),
  mayo: item("Mayo", 40),
};
const GROUPS = {
  size: { name: "Size", items: ["small", "large"], least: 1, most: 1 },
  toppings: { name: "Toppings", items: ["basil", "olives", "ham"], least: 0, most: 4, twice: true },
  side: { name: "Side", items: ["fries", "salad"], least: 1, most: 1 },
  dips: { name: "Dips", items: ["ketchup", "mayo"], least: 0, most: 2, twice: true },
};
const SECTIONS = { pizza: ["margherita", "marinara"], lunch: ["lunch"], drinks: ["lemonade", "water"] };
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const table = (entries) => Object.fromEntries(entries);
const catalog = () => ({
  catalogs: {
    "all-day": {
      catalogId: "all-day",
      name: "Menu",
      sectionIds: Object.keys(SECTIONS),
      // From 00:00 to 00:00 is the whole day. Without any window the store is never open.
      availability: DAYS.map((dayOfWeek) => ({ dayOfWeek, start: "00:00:00", end: "00:00:00" })),
    },
  },
  sections: table(
    Object.entries(SECTIONS).map(([sectionId, itemIds]) => [
      sectionId,
      { sectionId, name: sectionId[0].toUpperCase() + sectionId.slice(1), itemIds },
    ]),
  ),
  items: table(
    Object.entries(ITEMS).map(([itemId, { name, groups }]) => [
      itemId,
      { itemId, name, basePrice: price(itemId) / 100, modifierGroupIds: groups },
    ]),
  ),
  modifierGroups: table(
    Object.entries(GROUPS).map(([modifierGroupId, { name, items, least, most, twice = false }]) => [
      modifierGroupId,
      { modifierGroupId, name, itemIds: items, minimumAllowed: least, maximumAllowed: most, enableDuplicateItems: twice },
    ]),
  ),
});

// -- changes: a journal of lines, replayed at the start ---------------------------------------------------------------

const tickets = new Map(); // by id
const byKey = new Map(); // the ticket of each Idempotency-Key
const soldOut = new Set();
const prices = new Map();
let state = "open";

const APPLY = {
  placed(ticket) {
    tickets.set(ticket.id, ticket);
    byKey.set(ticket.key, ticket);
  },
  advanced: ({ id, ...change }) => Object.assign(tickets.get(id), change),
  available: ({ itemId, available }) => (available ? soldOut.delete(itemId) : soldOut.add(itemId)),
  priced: ({ itemId, price }) => prices.set(itemId, price),
  state: (now) => (state = now.state),
};

if (fs.existsSync(JOURNAL))
  for (const line of fs.readFileSync(JOURNAL, "utf8").split("\n").slice(0, -1)) {
    const [change, details] = JSON.parse(line);
    APPLY[change](details);
  }
const journal = fs.openSync(JOURNAL, "a");

// Written before the response is sent, so that a power cut cannot undo what the kit was answered.
function record(change, details) {
  fs.writeSync(journal, JSON.stringify([change, details]) + "\n");
  fs.fsyncSync(journal);
  APPLY[change](details);
}

// -- prices and refusals ----------------------------------------------------------------------------------------------

const TAX = 825; // of 10,000
const price = (itemId) => prices.get(itemId) ?? ITEMS[itemId].price;
const choices = (line) => (line.modifierGroups ?? []).flatMap((group) => group.selectedModifiers ?? []);
const quantity = (line) => line.quantity ?? 1;
const cost = (line) => quantity(line) * choices(line).reduce((sum, each) => sum + cost(each), price(line.itemId));

function amounts(order) {
  const subTotal = order.cart.lineItems.reduce((sum, line) => sum + cost(line), 0);
  const taxes = Math.floor((subTotal * TAX + 5000) / 10000);
  const tip = Math.round((order.amounts?.tip ?? 0) * 100);
  const total = subTotal + taxes + tip;
  return { subTotal: subTotal / 100, taxes: taxes / 100, tip: tip / 100, total: total / 100 };
}

function refusals(order) {
  if (!Array.isArray(order?.cart?.lineItems)) throw new Failure(400, "this is not an order");
  if (state !== "open") return [{ reason: "store_closed", message: "the kitchen is closed" }];
  const reasons = [];
  const check = (line, jsonPath) => {
    const { itemId } = line;
    if (!Object.hasOwn(ITEMS, itemId)) reasons.push({ reason: "item_unknown", message: `${itemId} is unknown`, itemId, jsonPath });
    else if (soldOut.has(itemId)) reasons.push({ reason: "item_unavailable", message: `${itemId} is unavailable`, itemId, jsonPath });
    (line.modifierGroups ?? []).forEach((group, g) =>
      (group.selectedModifiers ?? []).forEach((choice, c) =>
        check(choice, `${jsonPath}.modifierGroups[${g}].selectedModifiers[${c}]`),
      ),
    );
  };
  order.cart.lineItems.forEach((line, index) => check(line, `$.cart.lineItems[${index}]`));
  return reasons;
}

// -- the contract -----------------------------------------------------------------------------------------------------

class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const ticketMessage = ({ id, amounts }) => ({ id, status: "accepted", amounts });
const orderProgress = ({ id, orderRef, status, state, reason }) => ({ id, orderRef, status, state, reason });

function place({ orderRef, order }, key) {
  if (!key) throw new Failure(400, "Idempotency-Key is missing");
  // Nothing between this check and the new ticket awaits anything, so two concurrent calls cannot both create one.
  if (!IGNORE_KEYS && byKey.has(key)) return { ticket: ticketMessage(byKey.get(key)) };
  const reasons = refusals(order);
  if (reasons.length) return { refusals: reasons };
  const { cart, deliveryInfo, customer, fulfillmentType } = order; // the payment is not stored: Gett has the money
  record("placed", {
    id: `node-${crypto.randomUUID()}`,
    key,
    orderRef,
    cart,
    deliveryInfo,
    customer,
    fulfillmentType,
    amounts: order.amounts ?? amounts(order), // as accepted by the customer
    status: "confirmed",
    changed: new Date().toISOString(),
  });
  return { ticket: ticketMessage(byKey.get(key)) };
}

function advance(id, step, reason) {
  const ticket = tickets.get(id);
  if (!ticket) throw new Failure(404, "there is no such ticket");
  if (ticket.state === "cancelled" && step === "cancelled") return; // repeating a cancellation is allowed
  if (ticket.state) throw new Failure(409, "the order has ended");
  const changed = new Date().toISOString();
  const ends = step === "completed" || step === "cancelled";
  record("advanced", ends ? { id, state: step, reason, changed } : { id, status: step, changed });
}

const CONTRACT = [
  ["GET", /^\/catalog$/, () => catalog()],
  ["POST", /^\/quote$/, ({ body }) => {
    const reasons = refusals(body.order);
    return reasons.length ? { refusals: reasons } : { amounts: amounts(body.order) };
  }],
  ["POST", /^\/orders$/, ({ body, headers }) => place(body, headers["idempotency-key"])],
  ["GET", /^\/orders\/by-ref$/, ({ query }) => {
    const ticket = [...tickets.values()].find((each) => each.orderRef === query.get("ref"));
    return { ticket: ticket ? ticketMessage(ticket) : null };
  }],
  ["GET", /^\/orders$/, ({ query }) => {
    const since = new Date(query.get("since"));
    return { orders: [...tickets.values()].filter(({ changed }) => new Date(changed) >= since).map(orderProgress) };
  }],
  ["GET", /^\/status$/, () => ({ state })],
  ["POST", /^\/orders\/([^/]+)\/cancel$/, ({ body, match }) => {
    advance(decodeURIComponent(match[1]), "cancelled", body.reason);
    return {};
  }],
];

// -- signatures: the same rule in both directions ---------------------------------------------------------------------

function signature(secret, timestamp, store, call, body) {
  return crypto.createHmac("sha256", secret).update(`${timestamp}\n${store}\n${call}\n`).update(body).digest();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function authenticate({ headers, method, url }, body) {
  const { timestamp = "", store = "" } = headers;
  const received = Buffer.from(headers.signature ?? "", "hex");
  const genuine = SECRETS.some((secret) => {
    const expected = signature(secret, timestamp, store, `${method} ${url}`, body);
    return received.length === expected.length && crypto.timingSafeEqual(received, expected);
  });
  const fresh = /^\d{1,12}$/.test(timestamp) && Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300;
  if (!genuine || !fresh || decoded(store) !== STORE_ID) throw new Failure(401, "not signed, or not for this store");
}

// -- events: sent in order and retried until the kit has them; after a crash the kit finds lost ones by GET /orders ---

const pending = [];

function emit(event) {
  const body = JSON.stringify({ events: [event] });
  const headers = () => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const store = encodeURIComponent(STORE_ID);
    const signed = signature(SECRETS[0], timestamp, store, "POST /events", body).toString("hex");
    return { "Content-Type": "application/json", Signature: signed, Timestamp: timestamp, Store: store };
  };
  if (KIT_URL && pending.push({ body, headers }) === 1) send();
  return { headers: headers(), body };
}

async function send() {
  for (let pause = 1; pending.length; pause = Math.min(pause * 2, 60)) {
    const { body, headers } = pending[0];
    const response = await fetch(KIT_URL, { method: "POST", body, headers: headers() }).catch((error) => error);
    await response.body?.cancel(); // the results are not used
    if (response.ok || (response.status >= 400 && response.status < 500 && response.status !== 429)) {
      if (!response.ok) console.error(`pos.js: the kit rejects an event: ${response.status}`);
      pending.shift();
      pause = 0.5;
    } else await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

// -- the staff's API --------------------------------------------------------------------------------------------------

const STAFF = [
  ["GET", /^\/tickets$/, () => ({ tickets: [...tickets.values()] })],
  ["POST", /^\/tickets\/([^/]+)$/, ({ body, match }) => {
    const id = decodeURIComponent(match[1]);
    advance(id, body.step, body.reason);
    return emit({ type: "order", ...orderProgress(tickets.get(id)), ...(tickets.get(id).state ? { status: undefined } : {}) });
  }],
  ["POST", /^\/items\/([^/]+)$/, ({ body, match }) => {
    const itemId = decodeURIComponent(match[1]);
    if (body.price === undefined) {
      record("available", { itemId, available: body.available });
      return emit({ type: "item", itemId, available: body.available });
    }
    record("priced", { itemId, price: body.price });
    return emit({ type: "catalog" });
  }],
  ["POST", /^\/store$/, ({ body }) => {
    record("state", { state: body.state });
    return emit({ type: "store", state: body.state });
  }],
];

// -- HTTP -------------------------------------------------------------------------------------------------------------

const LIMIT = 1 << 20;

function serve(routes, verify) {
  const server = http.createServer(async (request, response) => {
    const respond = (status, content) => {
      const text = JSON.stringify(content);
      response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }).end(text);
    };
    try {
      const chunks = [];
      let length = 0;
      for await (const chunk of request) {
        if ((length += chunk.length) > LIMIT) throw new Failure(413, "the body is too large");
        chunks.push(chunk);
      }
      const raw = Buffer.concat(chunks);
      verify(request, raw);
      const { pathname, searchParams: query } = new URL(request.url, "http://pos");
      for (const [method, pattern, handle] of routes) {
        const match = request.method === method && pattern.exec(pathname);
        if (match) {
          const body = raw.length ? JSON.parse(raw) : {};
          return respond(200, handle({ body, query, match, headers: request.headers }));
        }
      }
      throw new Failure(501, "this POS does not have this call");
    } catch (error) {
      const status = error.status ?? (error instanceof SyntaxError ? 400 : 500);
      if (status === 500) console.error(error.stack); // the stack contains no customer data
      respond(status, { error: status === 500 ? "internal error" : error.message });
    }
  });
  server.keepAliveTimeout = 65_000; // longer than the kit keeps an idle connection open, so that it never reuses one that closes
  return server;
}

const listen = (server, port, host) => new Promise((done) => server.listen(Number(port), host, () => done(server.address().port)));

Promise.all([
  listen(serve(CONTRACT, authenticate), PORT),
  listen(serve(STAFF, () => {}), STAFF_PORT, "127.0.0.1"),
]).then(([port, staffPort]) => console.log(JSON.stringify({ port, staffPort })));
process.on("SIGTERM", () => process.exit(0));
