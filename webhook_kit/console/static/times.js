// Shows each moment in the viewer's own zone, and how long ago it was.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long", hourCycle: "h23" });

function ago(at, now) {
  const seconds = Math.round((now - at) / 1000);
  const [, unit, size] = [[90, "s", 1], [5400, "min", 60], [172800, "h", 3600], [Infinity, "d", 86400]].find(
    ([limit]) => Math.abs(seconds) < limit,
  );
  return seconds >= 0 ? `${Math.floor(seconds / size)} ${unit} ago` : `in ${Math.ceil(-seconds / size)} ${unit}`;
}

export function showTimes(root = document) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === now.toDateString();
    const written = (today ? clock : day).format(at);
    const text = time.classList.contains("brief") ? ago(at, now) : time.classList.contains("ago") ? `${written} (${ago(at, now)})` : written;
    if (time.textContent !== text) time.textContent = text;
    time.title = whole.format(at);
  }
  for (const mark of root.querySelectorAll("[data-hour]")) mark.textContent = hour.format(new Date(mark.dataset.hour));
}

for (const note of document.querySelectorAll(".zone")) note.textContent = `Times are in your zone, ${zone}.`;
showTimes();
setInterval(showTimes, 10_000, document);

// After an action the focus is on what happened; after a mistake on what is wrong.
(document.getElementById("problem") ?? document.getElementById("said"))?.focus();
// The answer of a POS or of Gett that was just asked is brought into view.
const asked = document.querySelector("[data-asked]");
asked?.focus({ preventScroll: true });
asked?.scrollIntoView({ block: "center" });
// A text that is longer than its field is shown below it.
document.addEventListener("input", (event) => {
  const shown = event.target.closest("form")?.querySelector(`output[for="${event.target.id}"]`);
  if (shown) shown.textContent = event.target.scrollWidth > event.target.clientWidth ? event.target.value : "";
});
// Only one of the menus is open, and it closes when one clicks elsewhere.
document.addEventListener("click", (event) => {
  const menu = document.querySelector("nav details[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("nav details[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  if (form.method === "post") form.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
