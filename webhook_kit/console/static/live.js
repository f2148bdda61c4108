// Keeps a page up to date: asks for it again every few seconds, and changes only what differs.
import { showTimes } from "./times.js";

const region = document.querySelector("[data-live]");
const stale = document.getElementById("stale");
const SECONDS = 5;
let etag = "";

function say(text) {
  if (stale.textContent !== text) stale.textContent = text;
  stale.hidden = !text;
}

// What a person has opened or typed is kept.
function kept(node) {
  return node.matches("input, textarea, select") || node === document.activeElement;
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.id || node.tagName : node.nodeType;
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (kept(old) && old.matches("input, textarea, select")) return;
  if (old.localName === "time" && old.dateTime === fresh.dateTime) return;
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open" && name !== "title") old.removeAttribute(name);
  }
  children(old, [...fresh.childNodes]);
}

function children(parent, wanted) {
  const named = new Map([...parent.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = parent.firstChild;
  for (const fresh of wanted) {
    const same = fresh.id ? named.get(fresh.id) : place && !place.id && key(place) === key(fresh) ? place : null;
    if (same) {
      if (same !== place) parent.insertBefore(same, place);
      else place = place.nextSibling;
      morph(same, fresh);
    } else {
      parent.insertBefore(document.importNode(fresh, true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

async function refresh() {
  const response = await fetch(location.href, { headers: { "X-Console-Poll": "1", ...(etag && { "If-None-Match": etag }) }, cache: "no-store" });
  if (response.status === 304) return say("");
  if (response.redirected) return say("You are logged out. Load the page again to log in.");
  if (!response.ok && response.status !== 503) return say(`This page cannot be refreshed (${response.status}).`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (!fresh) return say("This page cannot be refreshed now; what you see may be old.");
  etag = response.headers.get("ETag") ?? "";
  children(region, [...fresh.childNodes]);
  if (document.title !== page.title) document.title = page.title;
  showTimes(region);
  say("");
}

async function watch() {
  for (;;) {
    await new Promise((wake) => setTimeout(wake, 1000 * (Number(region.dataset.live) || SECONDS)));
    if (document.hidden || String(getSelection())) continue;
    try {
      await refresh();
    } catch {
      say("The console does not answer; what you see may be old.");
    }
  }
}

// A page that has asked Gett or a POS does not ask again by itself.
if (region && !new URLSearchParams(location.search).has("ask")) watch();
