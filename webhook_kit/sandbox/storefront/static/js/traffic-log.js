/**
 * The sandbox's traffic log as it grows, for the inspector and the progress of orders.
 *
 * @typedef {import("./types.js").Entry} Entry
 */

import { log } from "./api.js";

const WAIT = 25; // seconds
const CAPACITY = 500;

/** @type {Set<(entries: Entry[]) => void>} */
const listeners = new Set();
/** @type {Entry[]} */
let received = [];
let last = 0;

/**
 * Call a listener with the entries received so far, and then with each new one.
 *
 * @param {(entries: Entry[]) => void} listener
 * @returns {() => void} removes the listener
 */
export function follow(listener) {
  listeners.add(listener);
  if (received.length) listener(received);
  return () => listeners.delete(listener);
}

/** Follow the traffic log until the page is closed. */
export async function start() {
  for (;;) {
    try {
      append((await log(last, WAIT)).entries);
    } catch {
      // The sandbox may have been restarted and number its entries from 1 again.
      last = 0;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/** @param {Entry[]} entries */
function append(entries) {
  last = entries.at(-1)?.number ?? last;
  const added = entries.filter((entry) => !received.some((one) => one.number === entry.number && one.at === entry.at));
  if (!added.length) return;
  received = [...received, ...added].slice(-CAPACITY);
  for (const listener of listeners) listener(added);
}
