/** The page: selects the view by the URL, and provides the functions that views share. */

import { Problem } from "./api.js";
import { checkoutView } from "./checkout-view.js";
import { synchronize } from "./clock.js";
import { announce, h, icon } from "./dom.js";
import { start } from "./traffic-log.js";
import { inspector } from "./inspector.js";
import { orderView, ordersView } from "./order-view.js";
import { reloadForNewHosts } from "./pictures.js";
import { stemOfUrl, stemView } from "./stem-view.js";
import { storeView } from "./store-view.js";
import { storesView } from "./stores-view.js";

const SYNCHRONIZE_INTERVAL = 30_000; // ms
const TOAST_DURATION = 6_000; // ms

/** Functions of the page for its views. */
export class Page {
  /** @type {(() => void)[]} */
  #leaving = [];

  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
  }

  /** Show the view of the URL. */
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
    const stem = location.hash ? "" : stemOfUrl();
    return stem ? stemView(this, stem) : storesView(this);
  }

  /**
   * Move the focus to the view's heading, if it has one.
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
   * The content of a view that could not be loaded.
   *
   * @param {unknown} error
   * @param {() => void} retry
   * @returns {HTMLElement}
   */
  failed(error, retry) {
    if (!(error instanceof Problem)) throw error;
    return h(
      "div",
      { class: "empty-state", role: "alert" },
      icon("warning"),
      h("h1", { tabindex: "-1" }, "This page could not be loaded"),
      h("p", null, error.message),
      h("button", { type: "button", class: "primary", onclick: retry }, "Try again"),
    );
  }

  /**
   * Show the error of an action without leaving the view.
   *
   * @param {unknown} error
   */
  showError = (error) => {
    if (!(error instanceof Problem)) throw error;
    const toast = h("div", { class: "toast" }, icon("warning"), error.message);
    document.body.append(toast);
    announce(error.message);
    setTimeout(() => toast.remove(), TOAST_DURATION);
  };
}

/** @param {string} part of a URL, which may be entered by hand and not valid */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

reloadForNewHosts();
const page = new Page(/** @type {HTMLElement} */ (document.getElementById("main")));
document.getElementById("inspector")?.append(inspector());
document.querySelector("[data-skip]")?.addEventListener("click", (event) => {
  event.preventDefault(); // the hash selects the view
  page.main.focus();
});
window.addEventListener("hashchange", () => page.show());
await synchronize().catch(() => {}); // on an error, the browser's clock is used
setInterval(() => synchronize().catch(() => {}), SYNCHRONIZE_INTERVAL);
page.show();
start();
