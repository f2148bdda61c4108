/**
 * The form of the checkout: delivery or pickup, address, customer, tip.
 *
 * @typedef {import("./types.js").Store} Store
 * @typedef {import("./types.js").OrderError} OrderError
 */

import { errorSlot, field } from "./controls.js";
import { h, icon, swap } from "./dom.js";
import { loadDetails, saveDetails } from "./storage.js";
import { dollars, parseCents } from "./money.js";

const DELIVERY = "DeliveryByMerchant";
const PICKUP = "Pickup";
const TIPS = [0, 10, 15, 20]; // percent

/** Values of the form before anything was entered. */
const SAMPLE = {
  firstName: "Ada",
  lastName: "Lovelace",
  email: "ada@example.com",
  phone: "+12125550142",
  address1: "12 Analytical Row",
  address2: "",
  city: "New York",
  state: "NY",
  postalCode: "10001",
  instructions: "",
};

export class Form {
  /**
   * @param {Store} store
   * @param {() => void} onChange
   */
  constructor(store, onChange) {
    this.store = store;
    this.onChange = onChange;
    this.values = { ...SAMPLE, ...loadDetails() };
    const offered = [store.deliveryAllowed && DELIVERY, store.pickupAllowed && PICKUP].filter(Boolean);
    this.way = offered.includes(this.values.way) ? this.values.way : (offered[0] ?? PICKUP);
    this.percent = TIPS.includes(this.values.percent) ? this.values.percent : 0;
    this.amount = ""; // another tip, as entered
    this.where = h("div", { class: "where" });
    this.tip = h("div", { class: "tip" });
    this.root = h(
      "div",
      { class: "form stack", oninput: (/** @type {Event} */ event) => this.entered(event) },
      this.ways(),
      this.where,
      this.who(),
      this.tip,
    );
    this.render();
  }

  render() {
    swap(this.where, this.way === DELIVERY ? this.address() : null);
    const { acceptsDeliveryTips, acceptsPickupTips } = this.store.options ?? {};
    swap(this.tip, (this.way === DELIVERY ? acceptsDeliveryTips : acceptsPickupTips) ? this.tips() : null);
  }

  ways() {
    const option = (/** @type {string} */ value, /** @type {string} */ label, /** @type {string} */ picture, /** @type {boolean} */ offered) =>
      h(
        "label",
        { class: offered ? "way" : "way off" },
        h("input", {
          type: "radio",
          name: "way",
          value,
          checked: value === this.way,
          disabled: !offered,
          onchange: () => this.setFulfillment(value),
        }),
        h("span", null, icon(picture), label, offered ? null : h("small", null, "not offered here")),
      );
    return h(
      "fieldset",
      { class: "panel", dataset: { path: "$.fulfillmentType" } },
      h("legend", null, "How would you like it?"),
      errorSlot(),
      h(
        "div",
        { class: "ways" },
        option(DELIVERY, "Delivery", "bike", this.store.deliveryAllowed),
        option(PICKUP, "Pickup", "bag", this.store.pickupAllowed),
      ),
    );
  }

  /** @param {string} way */
  setFulfillment(way) {
    this.way = way;
    this.render();
    this.changed();
  }

  address() {
    const at = "$.deliveryInfo.address";
    const { address1, address2, city, state, postalCode, instructions } = this.values;
    return h(
      "fieldset",
      { class: "panel", dataset: { path: "$.deliveryInfo" } },
      h("legend", null, "Where to?"),
      errorSlot(),
      h(
        "div",
        { class: "fields", dataset: { path: at } },
        errorSlot(),
        field({ label: "Street and number", name: "address1", path: `${at}.address1`, value: address1, autocomplete: "address-line1", wide: true }),
        field({ label: "Apartment, floor", name: "address2", path: `${at}.address2`, value: address2, autocomplete: "address-line2", wide: true, optional: true }),
        field({ label: "City", name: "city", path: `${at}.city`, value: city, autocomplete: "address-level2" }),
        field({ label: "State", name: "state", path: `${at}.state`, value: state, autocomplete: "address-level1" }),
        field({ label: "Postal code", name: "postalCode", path: `${at}.postalCode`, value: postalCode, autocomplete: "postal-code" }),
        field({ label: "Instructions", name: "instructions", path: "$.deliveryInfo.instructions", value: instructions, wide: true, optional: true }),
      ),
    );
  }

  who() {
    const { firstName, lastName, email, phone } = this.values;
    return h(
      "fieldset",
      { class: "panel", dataset: { path: "$.customer" } },
      h("legend", null, "Who is it for?"),
      errorSlot(),
      h(
        "div",
        { class: "fields" },
        field({ label: "First name", name: "firstName", path: "$.customer.firstName", value: firstName, autocomplete: "given-name" }),
        field({ label: "Last name", name: "lastName", path: "$.customer.lastName", value: lastName, autocomplete: "family-name" }),
        field({ label: "Email", name: "email", path: "$.customer.email", value: email, type: "email", autocomplete: "email" }),
        field({ label: "Phone", name: "phone", path: "$.customer.phone", value: phone, type: "tel", autocomplete: "tel" }),
      ),
    );
  }

  tips() {
    const option = (/** @type {number} */ percent) =>
      h(
        "label",
        null,
        h("input", {
          type: "radio",
          name: "tip",
          value: percent,
          checked: !this.amount && percent === this.percent,
          dataset: { key: `tip${percent}` },
          onchange: () => this.setTip(percent),
        }),
        h("span", null, percent ? `${percent} %` : "No tip"),
      );
    return h(
      "fieldset",
      { class: "panel" },
      h("legend", null, "A tip?"),
      h(
        "div",
        { class: "tip-row" },
        h("div", { class: "segments" }, ...TIPS.map(option)),
        field({ label: "Other amount ($)", name: "amount", path: "$.amounts.tip", value: this.amount, inputmode: "decimal" }),
      ),
    );
  }

  /** @param {number} percent */
  setTip(percent) {
    this.percent = percent;
    this.amount = "";
    this.render();
    this.changed();
  }

  /** @param {Event} event */
  entered(event) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    if (input.type === "radio") return; // has its own listener
    if (input.name === "amount") {
      this.amount = input.value;
      for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (this.tip.querySelectorAll("[name=tip]"))) {
        radio.checked = !this.amount && Number(radio.value) === this.percent;
      }
    } else this.values[input.name] = input.value;
    this.changed();
  }

  changed() {
    saveDetails({ ...this.values, way: this.way, percent: this.percent });
    this.onChange();
  }

  /**
   * @param {number} subTotal in cents
   * @returns {number | null} the tip in cents; null if the entered amount is not valid
   */
  tipCents(subTotal) {
    if (!this.tip.childElementCount) return 0;
    return this.amount ? parseCents(this.amount) : Math.round((subTotal * this.percent) / 100);
  }

  /** @returns {OrderError[]} values that cannot be sent; everything else is validated by the store */
  errors() {
    if (this.tipCents(0) !== null) return [];
    const message = `“${this.amount}” is not a valid amount. Write it like ${dollars(350)}.`;
    return [{ code: "INVALID_REQUEST", message, jsonPath: "$.amounts.tip" }];
  }

  /** @returns {{fulfillmentType: string, customer: Record<string, any>, deliveryInfo?: Record<string, any>}} members of the order */
  orderMembers() {
    const { firstName, lastName, email, phone, instructions } = this.values;
    const members = { fulfillmentType: this.way, customer: { firstName, lastName, email, phone } };
    if (this.way !== DELIVERY) return members;
    const { address1, address2, city, state, postalCode } = this.values;
    const address = { address1, address2: address2 || null, city, state, postalCode };
    return { ...members, deliveryInfo: { address, instructions: instructions || null } };
  }
}
