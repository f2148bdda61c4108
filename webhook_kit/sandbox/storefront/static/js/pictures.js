/** Pictures of stores and items. They come from the hosts that the page's Content Security Policy names. */

import { h } from "./dom.js";

const MINUTE = 60_000; // ms

/**
 * @param {string | null | undefined} url
 * @returns {HTMLElement | null} a picture that disappears if it cannot be loaded; null without a valid URL
 */
export function picture(url) {
  if (!/^https?:\/\//i.test(url ?? "")) return null;
  // Decorative: the name is beside it.
  const image = h("img", {
    class: "picture",
    src: url,
    alt: "",
    loading: "lazy",
    decoding: "async",
    referrerpolicy: "no-referrer",
    onerror: () => image.remove(),
  });
  return image;
}

/**
 * Load the page again when the policy blocks a picture: its host is that of a catalog that is newer than the page. Not more often
 * than once a minute, because the policy may name only some of very many hosts.
 */
export function reloadForNewHosts() {
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
    if (effectiveDirective !== "img-src" || Date.now() - Number(sessionStorage.getItem("reloaded")) < MINUTE) return;
    sessionStorage.setItem("reloaded", String(Date.now()));
    location.reload();
  });
}
