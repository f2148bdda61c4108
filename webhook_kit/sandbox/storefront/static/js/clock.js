/** The sandbox's clock, which can be set, stopped and run faster: opening hours are read by it, never by the browser's. */

import { clock } from "./api.js";

let base = Date.now();
let speed = 1;
let since = performance.now();

/** Ask what time it is there. */
export async function adjust() {
  const said = await clock();
  base = Date.parse(said.now);
  speed = said.speed;
  since = performance.now();
}

/** @returns {Date} */
export function now() {
  return new Date(base + (performance.now() - since) * speed);
}
