/**
 * The traffic log for people: headers, bodies, responses, duration.
 *
 * @typedef {import("./types.js").Entry} Entry
 */

import { h, icon, swap } from "./dom.js";
import { follow } from "./traffic-log.js";

const MAX_ROWS = 200;
const ABBREVIATED = /(signature|token)$/i;
const LONG = 24;

/** @returns {HTMLElement} */
export function inspector() {
  const list = h("ol", { class: "traffic" });
  const count = h("span", { class: "quiet" }, "nothing yet");
  const empty = h("p", { class: "quiet" }, "No messages yet. Check an order, and its webhook appears here.");
  const all = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  const box = h(
    "details",
    { class: "inspector" },
    h("summary", null, icon("traffic"), h("span", { class: "inspector-title" }, "Traffic log"), count),
    h("label", { class: "toggle" }, all, "Show the calls of this page"),
    empty,
    list,
  );
  all.addEventListener("change", () => list.classList.toggle("all", all.checked));
  let total = 0;
  follow((entries) => {
    const shown = entries.filter((entry) => !isOwn(entry));
    total += shown.length;
    const latest = shown.at(-1);
    if (latest) swap(count, `${total} ${total === 1 ? "message" : "messages"}`, h("span", null, ` · latest ${title(latest)}`));
    list.prepend(...entries.map(row).reverse());
    while (list.childElementCount > MAX_ROWS) list.lastElementChild?.remove();
    empty.hidden = total > 0;
  });
  return box;
}

/**
 * @param {Entry} entry
 * @returns {boolean} true for a call of a consumer, which is usually this page
 */
function isOwn(entry) {
  return String(entry.request?.path ?? "").startsWith("/v1/marketplace/");
}

/** @param {Entry} entry */
function title(entry) {
  return String(entry.call ?? entry.kind);
}

/** @param {Entry} entry */
function way(entry) {
  if (isOwn(entry)) return "page → Gett";
  return entry.kind === "api_call" ? "store → Gett" : "Gett → store";
}

/** @param {Entry} entry */
function row(entry) {
  const status = entry.response?.status ?? (entry.kind === "catalog_pull" ? (entry.error ? "failed" : "ok") : "no response");
  const bad = typeof status === "number" ? status >= 400 : status !== "ok";
  const details = h(
    "details",
    null,
    h(
      "summary",
      null,
      h("span", { class: "way-tag" }, way(entry)),
      h("span", { class: "call" }, title(entry)),
      h("span", { class: bad ? "status bad" : "status" }, status),
      h("span", { class: "quiet" }, duration(entry.seconds)),
      h("time", { class: "quiet", datetime: entry.at }, new Date(entry.at).toLocaleTimeString("en-GB")),
    ),
  );
  // Created when opened, because most never are.
  details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(...content(entry)), { once: true });
  return h("li", { class: isOwn(entry) ? "own" : null, dataset: { number: entry.number } }, details);
}

/** @param {Entry} entry */
function content(entry) {
  const { request, response } = entry;
  if (!request) {
    const { number, kind, at, ...rest } = entry;
    return [part(`${kind} ${number}`, null, rest)];
  }
  const line = `${request.method} ${request.url ?? request.path}`;
  return [
    part(line, request.headers, request.body),
    response ? part(`Response ${response.status}${response.dropped ? ", dropped" : ""}`, response.headers, response.body) : null,
    entry.error ? h("p", { class: "error" }, entry.error) : null,
  ].filter((one) => one !== null);
}

/**
 * @param {string} head
 * @param {Record<string, string> | null | undefined} headers
 * @param {unknown} body
 */
function part(head, headers, body) {
  const rows = Object.entries(headers ?? {}).map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, abbreviated(name, value))),
  );
  return h(
    "section",
    { class: "message" },
    h("h3", null, head),
    rows.length ? h("dl", { class: "headers" }, ...rows) : null,
    body === null || body === undefined ? null : h("pre", { tabindex: "0", aria: { label: `Body of ${head}` } }, json(body)),
  );
}

/** @param {unknown} body */
function json(body) {
  return typeof body === "string" ? body : JSON.stringify(body, abbreviated, 2);
}

/**
 * @param {string} name
 * @param {any} value
 */
function abbreviated(name, value) {
  const long = typeof value === "string" && value.length > LONG && ABBREVIATED.test(name);
  return long ? `${value.slice(0, LONG)}… (${value.length} characters)` : value;
}

/** @param {number | undefined} seconds */
function duration(seconds) {
  if (seconds === undefined) return "";
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}
