/** The page: which view stands where the address says, and what all of them share. */

import { Problem } from "./api.js";
import { checkoutView } from "./checkout-view.js";
import { adjust } from "./clock.js";
import { announce, h, icon } from "./dom.js";
import { run } from "./feed.js";
import { inspector } from "./inspector.js";
import { orderView, ordersView } from "./order-view.js";
import { storeView } from "./store-view.js";
import { storesView } from "./stores-view.js";

const ADJUST = 30_000; // ms between looks at the sandbox's clock
const TOAST = 6_000; // ms

/** What a view may ask of the page. */
export class Page {
  /** @type {(() => void)[]} */
  #leaving = [];

  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
  }

  /** Show the view that the address names. */
  show() {
    for (const leave of this.#leaving.splice(0)) leave();
    document.querySelector("dialog")?.remove();
    this.main.replaceChildren(this.#view());
    this.arrived(this.main);
    window.scrollTo(0, 0);
  }

  #view() {
    const [kind, id, more] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
    if (kind === "stores" && id) return more === "checkout" ? checkoutView(this, id) : storeView(this, id);
    if (kind === "orders") return id ? orderView(this, id) : ordersView(this);
    return storesView(this);
  }

  /**
   * Let the keyboard go on from the view's heading, once it has one.
   *
   * @param {HTMLElement} root
   */
  arrived(root) {
    if (root.isConnected) /** @type {HTMLElement | null} */ (root.querySelector("h1"))?.focus({ preventScroll: true });
  }

  /** @param {string} text */
  title(text) {
    document.title = `${text} · Gett sandbox`;
  }

  /** @param {string} hash */
  go(hash) {
    location.hash = hash;
  }

  /** @param {() => void} leave called when another view is shown */
  onLeave(leave) {
    this.#leaving.push(leave);
  }

  /**
   * What stands in the place of a view that could not be loaded.
   *
   * @param {unknown} failure
   * @param {() => void} again
   * @returns {HTMLElement}
   */
  failed(failure, again) {
    if (!(failure instanceof Problem)) throw failure;
    return h(
      "div",
      { class: "blank", role: "alert" },
      icon("warning"),
      h("h1", { tabindex: "-1" }, "That did not work"),
      h("p", null, failure.message),
      h("button", { type: "button", class: "primary", onclick: again }, "Try again"),
    );
  }

  /**
   * Say what went wrong with a click, without taking the view away.
   *
   * @param {unknown} failure
   */
  complain = (failure) => {
    if (!(failure instanceof Problem)) throw failure;
    const toast = h("div", { class: "toast" }, icon("warning"), failure.message);
    document.body.append(toast);
    announce(failure.message);
    setTimeout(() => toast.remove(), TOAST);
  };
}

/** @param {string} part of an address, perhaps typed by hand */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const page = new Page(/** @type {HTMLElement} */ (document.getElementById("main")));
document.getElementById("inspector")?.append(inspector());
document.querySelector("[data-skip]")?.addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view is shown
  page.main.focus();
});
window.addEventListener("hashchange", () => page.show());
await adjust().catch(() => {}); // without it, the browser's own clock will do
setInterval(() => adjust().catch(() => {}), ADJUST);
page.show();
run();
