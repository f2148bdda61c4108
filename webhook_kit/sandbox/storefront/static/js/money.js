/** Money: whole cents in the page, a JSON number in major units in the API. */

/**
 * @param {number | null | undefined} amount in major units, exact to the cent
 * @returns {number} cents
 */
export function toCents(amount) {
  return Math.round((amount ?? 0) * 100);
}

/**
 * @param {number} cents
 * @returns {number} major units, for the API
 */
export function fromCents(cents) {
  return cents / 100;
}

/**
 * Parse an entered amount into cents; null if it is not valid.
 *
 * @param {string} text
 * @returns {number | null}
 */
export function parseCents(text) {
  const match = /^\$?\s*(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim() || "0");
  return match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : null;
}

/**
 * @param {number} cents
 * @returns {string} formatted: $12.50, −$0.50
 */
export function dollars(cents) {
  const whole = Math.floor(Math.abs(cents) / 100).toLocaleString("en-US");
  return `${cents < 0 ? "−" : ""}$${whole}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
}
