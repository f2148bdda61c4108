/**
 * The sandbox's record, as it grows: what the inspector shows, and how an order's progress is heard of.
 *
 * @typedef {import("./types.js").Entry} Entry
 */

import { log } from "./api.js";

const WAIT = 25; // seconds
const KEPT = 500;

/** @type {Set<(entries: Entry[]) => void>} */
const listeners = new Set();
/** @type {Entry[]} */
let known = [];
let last = 0;

/**
 * Hear of every entry: at once of those that are known, then of each that comes.
 *
 * @param {(entries: Entry[]) => void} listener
 * @returns {() => void} ends it
 */
export function follow(listener) {
  listeners.add(listener);
  if (known.length) listener(known);
  return () => listeners.delete(listener);
}

/** Follow the record until the page is closed. */
export async function run() {
  for (;;) {
    try {
      take((await log(last, WAIT)).entries);
    } catch {
      // The sandbox is being restarted, and may count from 1 again.
      last = 0;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/** @param {Entry[]} entries */
function take(entries) {
  last = entries.at(-1)?.number ?? last;
  const fresh = entries.filter((entry) => !known.some((one) => one.number === entry.number && one.at === entry.at));
  if (!fresh.length) return;
  known = [...known, ...fresh].slice(-KEPT);
  for (const listener of listeners) listener(fresh);
}
