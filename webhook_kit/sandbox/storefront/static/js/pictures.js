/** Pictures of stores and items. They come from the hosts that the page's Content Security Policy names. */

import { h } from "./dom.js";

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
 * Load the page again when the policy blocks a picture, once per host: the host is that of a catalog that is newer than the page.
 */
export function reloadForNewHosts() {
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective !== "img-src" || !URL.canParse(blockedURI)) return;
    const key = `reloaded for ${new URL(blockedURI).origin}`;
    if (sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, "yes");
    location.reload();
  });
}
