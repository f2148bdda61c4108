#!/usr/bin/env node
// A whole point of sale, without dependencies, that joins Gett through webhook_kit's HTTP adapter: node pos.js
//
// Two addresses. The POS's own answers the kit's signed calls (`python -m webhook_kit_http` prints the contract). The till, on the
// loopback only, is what the staff would do: see tickets, move them on, run out of things, change prices, close.
//
//   SECRET     what kit and POS sign with; several, separated by commas, while one is rotated   (required)
//   STORE_ID   the store's id, as the kit has it                                                (required)
//   KIT_URL    where events go: https://…/pos/http-native/events; without it none are sent
//   PORT, TILL_PORT   8000 and 8001; 0 takes a free one. Both are printed.
//   JOURNAL    the file in which everything is kept (pos.journal)
//   FORGETFUL  1: the Idempotency-Key is not looked at; then the adapter is `http`, not `http-native`
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

const { SECRET, STORE_ID, KIT_URL, PORT = "8000", TILL_PORT = "8001", JOURNAL = "pos.journal", FORGETFUL } = process.env;
if (!SECRET || !STORE_ID) {
  console.error("pos.js: SECRET and STORE_ID have to be set");
  process.exit(1);
}
const SECRETS = SECRET.split(",").map((each) => each.trim()).filter(Boolean);

// -- the menu; money is in cents, for binary fractions are no money -----------------------------------------------------

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
    menu: {
      catalogId: "menu",
      name: "Menu",
      sectionIds: Object.keys(SECTIONS),
      // From 00:00 to 00:00 is the whole day. No window at all would mean: never open.
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

// -- what has happened: a journal of lines, read at the start ------------------------------------------------------------

const tickets = new Map(); // by id
const byKey = new Map(); // the ticket of each Idempotency-Key
const soldOut = new Set();
const prices = new Map();
let state = "open";

const HAPPENS = {
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
    const [what, details] = JSON.parse(line);
    HAPPENS[what](details);
  }
const journal = fs.openSync(JOURNAL, "a");

// Written before it is answered, or the kit would believe what a power cut undoes.
function happened(what, details) {
  fs.writeSync(journal, JSON.stringify([what, details]) + "\n");
  fs.fsyncSync(journal);
  HAPPENS[what](details);
}

// -- prices and refusals --------------------------------------------------------------------------------------------------

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
  if (!Array.isArray(order?.cart?.lineItems)) throw new Failure(400, "this is no order");
  if (state !== "open") return [{ reason: "store_closed", message: "the kitchen is closed" }];
  const found = [];
  const look = (line, jsonPath) => {
    const { itemId } = line;
    if (!Object.hasOwn(ITEMS, itemId)) found.push({ reason: "item_unknown", message: `no ${itemId} here`, itemId, jsonPath });
    else if (soldOut.has(itemId)) found.push({ reason: "item_unavailable", message: `${itemId} has run out`, itemId, jsonPath });
    (line.modifierGroups ?? []).forEach((group, g) =>
      (group.selectedModifiers ?? []).forEach((choice, c) =>
        look(choice, `${jsonPath}.modifierGroups[${g}].selectedModifiers[${c}]`),
      ),
    );
  };
  order.cart.lineItems.forEach((line, index) => look(line, `$.cart.lineItems[${index}]`));
  return found;
}

// -- the contract -----------------------------------------------------------------------------------------------------------

class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const ticketAnswer = ({ id, amounts }) => ({ id, status: "accepted", amounts });
const ticketNow = ({ id, orderRef, status, state, reason }) => ({ id, orderRef, status, state, reason });

function place({ orderRef, order }, key) {
  if (!key) throw new Failure(400, "Idempotency-Key is missing");
  // Nothing between this look and the ticket waits for anything, so two calls at once cannot both find none.
  if (!FORGETFUL && byKey.has(key)) return { ticket: ticketAnswer(byKey.get(key)) };
  const no = refusals(order);
  if (no.length) return { refusals: no };
  const { cart, deliveryInfo, customer, fulfillmentType } = order; // how it is paid is not kept: Gett has the money
  happened("placed", {
    id: `node-${crypto.randomUUID()}`,
    key,
    orderRef,
    cart,
    deliveryInfo,
    customer,
    fulfillmentType,
    amounts: order.amounts ?? amounts(order), // what the customer accepted
    status: "confirmed",
    changed: new Date().toISOString(),
  });
  return { ticket: ticketAnswer(byKey.get(key)) };
}

function advance(id, step, reason) {
  const ticket = tickets.get(id);
  if (!ticket) throw new Failure(404, "there is no such ticket");
  if (ticket.state === "cancelled" && step === "cancelled") return; // as often as it is asked for
  if (ticket.state) throw new Failure(409, "the order has ended");
  const changed = new Date().toISOString();
  const ends = step === "completed" || step === "cancelled";
  happened("advanced", ends ? { id, state: step, reason, changed } : { id, status: step, changed });
}

const CONTRACT = [
  ["GET", /^\/catalog$/, () => catalog()],
  ["POST", /^\/quote$/, ({ body }) => {
    const no = refusals(body.order);
    return no.length ? { refusals: no } : { amounts: amounts(body.order) };
  }],
  ["POST", /^\/orders$/, ({ body, headers }) => place(body, headers["idempotency-key"])],
  ["GET", /^\/orders\/by-ref$/, ({ query }) => {
    const found = [...tickets.values()].find((ticket) => ticket.orderRef === query.get("ref"));
    return { ticket: found ? ticketAnswer(found) : null };
  }],
  ["GET", /^\/orders$/, ({ query }) => {
    const since = new Date(query.get("since"));
    return { orders: [...tickets.values()].filter(({ changed }) => new Date(changed) >= since).map(ticketNow) };
  }],
  ["GET", /^\/status$/, () => ({ state })],
  ["POST", /^\/orders\/([^/]+)\/cancel$/, ({ body, match }) => {
    advance(decodeURIComponent(match[1]), "cancelled", body.reason);
    return {};
  }],
];

// -- signatures: the same rule both ways -------------------------------------------------------------------------------------

function signature(secret, timestamp, store, call, body) {
  return crypto.createHmac("sha256", secret).update(`${timestamp}\n${store}\n${call}\n`).update(body).digest();
}

function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function authenticate({ headers, method, url }, body) {
  const { timestamp = "", store = "" } = headers;
  const given = Buffer.from(headers.signature ?? "", "hex");
  const genuine = SECRETS.some((secret) => {
    const right = signature(secret, timestamp, store, `${method} ${url}`, body);
    return given.length === right.length && crypto.timingSafeEqual(given, right);
  });
  const fresh = /^\d{1,12}$/.test(timestamp) && Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300;
  if (!genuine || !fresh || plain(store) !== STORE_ID) throw new Failure(401, "not signed, or not for this store");
}

// -- events: sent in order, tried until the kit has them; what a crash loses the kit finds by GET /orders ---------------------

const waiting = [];

function tell(event) {
  const body = JSON.stringify({ events: [event] });
  const headers = () => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const store = encodeURIComponent(STORE_ID);
    const signed = signature(SECRETS[0], timestamp, store, "POST /events", body).toString("hex");
    return { "Content-Type": "application/json", Signature: signed, Timestamp: timestamp, Store: store };
  };
  if (KIT_URL && waiting.push({ body, headers }) === 1) send();
  return { headers: headers(), body };
}

async function send() {
  for (let pause = 1; waiting.length; pause = Math.min(pause * 2, 60)) {
    const { body, headers } = waiting[0];
    const answer = await fetch(KIT_URL, { method: "POST", body, headers: headers() }).catch((error) => error);
    await answer.body?.cancel(); // what became of each event is of no interest here
    if (answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) {
      if (!answer.ok) console.error(`pos.js: the kit refuses an event: ${answer.status}`);
      waiting.shift();
      pause = 0.5;
    } else await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

// -- the till ------------------------------------------------------------------------------------------------------------------

const TILL = [
  ["GET", /^\/tickets$/, () => ({ tickets: [...tickets.values()] })],
  ["POST", /^\/tickets\/([^/]+)$/, ({ body, match }) => {
    const id = decodeURIComponent(match[1]);
    advance(id, body.step, body.reason);
    return tell({ type: "order", ...ticketNow(tickets.get(id)), ...(tickets.get(id).state ? { status: undefined } : {}) });
  }],
  ["POST", /^\/items\/([^/]+)$/, ({ body, match }) => {
    const itemId = decodeURIComponent(match[1]);
    if (body.price === undefined) {
      happened("available", { itemId, available: body.available });
      return tell({ type: "item", itemId, available: body.available });
    }
    happened("priced", { itemId, price: body.price });
    return tell({ type: "menu" });
  }],
  ["POST", /^\/store$/, ({ body }) => {
    happened("state", { state: body.state });
    return tell({ type: "store", state: body.state });
  }],
];

// -- HTTP ------------------------------------------------------------------------------------------------------------------------

const LIMIT = 1 << 20;

function serve(routes, isGenuine) {
  const server = http.createServer(async (request, response) => {
    const answer = (status, said) => {
      const text = JSON.stringify(said);
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
      isGenuine(request, raw);
      const { pathname, searchParams: query } = new URL(request.url, "http://pos");
      for (const [method, pattern, handle] of routes) {
        const match = request.method === method && pattern.exec(pathname);
        if (match) {
          const body = raw.length ? JSON.parse(raw) : {};
          return answer(200, handle({ body, query, match, headers: request.headers }));
        }
      }
      throw new Failure(501, "this POS does not have this call");
    } catch (error) {
      const status = error.status ?? (error instanceof SyntaxError ? 400 : 500);
      if (status === 500) console.error(error.stack); // the stack names places, not customers
      answer(status, { error: status === 500 ? "internal error" : error.message });
    }
  });
  server.keepAliveTimeout = 65_000; // longer than the kit keeps an idle connection, so that none closes under its hands
  return server;
}

const listen = (server, port, host) => new Promise((done) => server.listen(Number(port), host, () => done(server.address().port)));

Promise.all([
  listen(serve(CONTRACT, authenticate), PORT),
  listen(serve(TILL, () => {}), TILL_PORT, "127.0.0.1"),
]).then(([port, till]) => console.log(JSON.stringify({ port, till })));
process.on("SIGTERM", () => process.exit(0));
