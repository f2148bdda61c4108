/** The sandbox's clock, which decides on opening hours instead of the browser's. */

import { clock } from "./api.js";

let base = Date.now();
let speed = 1;
let since = performance.now();

/** Read the time of the sandbox. */
export async function synchronize() {
  const shown = await clock();
  base = Date.parse(shown.now);
  speed = shown.speed;
  since = performance.now();
}

/** @returns {Date} */
export function now() {
  return new Date(base + (performance.now() - since) * speed);
}
