/** Money: whole cents inside, a JSON number in major units outside. */

/**
 * @param {number | null | undefined} amount in major units, exact to the cent
 * @returns {number} cents
 */
export function toCents(amount) {
  return Math.round((amount ?? 0) * 100);
}

/**
 * @param {number} cents
 * @returns {number} major units, as they travel
 */
export function fromCents(cents) {
  return cents / 100;
}

/**
 * What somebody typed, in cents; null when it is no amount.
 *
 * @param {string} text
 * @returns {number | null}
 */
export function readCents(text) {
  const found = /^\$?\s*(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim() || "0");
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
}

/**
 * @param {number} cents
 * @returns {string} as people read it: $12.50, −$0.50
 */
export function dollars(cents) {
  const whole = Math.floor(Math.abs(cents) / 100).toLocaleString("en-US");
  return `${cents < 0 ? "−" : ""}$${whole}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
}
