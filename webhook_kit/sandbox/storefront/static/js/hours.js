/**
 * Opening hours in the store's time zone (gett-protocol.md §4).
 *
 * @typedef {import("./types.js").Window} Window
 */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY = 24 * 60 * 60;

/**
 * @param {Window[] | null | undefined} windows without any it is never open
 * @param {Date} moment
 * @param {string | null | undefined} zone IANA name; without one it is never open
 * @returns {{open: boolean, text: string}} `text` has the end, or the next start
 */
export function service(windows, moment, zone) {
  const local = localTime(moment, zone);
  if (!local || !windows?.length) return { open: false, text: "Not served at present" };
  const now = local.day * DAY + local.seconds;
  const spans = merged(windows);
  const current = spans.find(([start, end]) => (start <= now && now < end) || now + 7 * DAY < end);
  if (current) {
    const remaining = current[1] - (now < current[0] ? now + 7 * DAY : now);
    return { open: true, text: remaining > DAY ? "Served all day" : `Served until ${clock(current[1])}` };
  }
  const next = Math.min(...spans.map(([start]) => (start > now ? start : start + 7 * DAY)));
  const days = Math.floor(next / DAY) - local.day;
  const when = days === 0 ? "" : days === 1 ? "tomorrow " : `${DAYS[Math.floor(next / DAY) % 7]} `;
  return { open: false, text: `Served ${when}from ${clock(next)}` };
}

/**
 * @param {Date} moment
 * @param {string | null | undefined} zone
 * @returns {{day: number, seconds: number} | null} null if the zone is unknown
 */
function localTime(moment, zone) {
  if (!zone) return null;
  /** @type {Record<string, string>} */
  const part = {};
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      weekday: "long",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    for (const { type, value } of format.formatToParts(moment)) part[type] = value;
  } catch {
    return null;
  }
  const seconds = Number(part.hour) * 3600 + Number(part.minute) * 60 + Number(part.second);
  return { day: DAYS.indexOf(part.weekday), seconds };
}

/**
 * Return the week as spans of seconds since Sunday's midnight. Adjacent spans are merged; the last may reach into the next week.
 *
 * @param {Window[]} windows
 * @returns {[number, number][]}
 */
function merged(windows) {
  const spans = windows
    .map(({ dayOfWeek, start, end }) => {
      const day = DAYS.indexOf(dayOfWeek) * DAY;
      return /** @type {[number, number]} */ ([day + seconds(start), day + (seconds(end) || DAY)]);
    })
    .filter(([start, end]) => start < end)
    .sort((a, b) => a[0] - b[0]);
  /** @type {[number, number][]} */
  const result = [];
  for (const [start, end] of spans) {
    const last = result.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  const [first, last] = [result[0], result.at(-1)];
  if (first && last && first[0] === 0 && last[1] === 7 * DAY) last[1] += first[1];
  return result;
}

/** @param {string} text HH:mm:ss */
function seconds(text) {
  const [hours, minutes, rest] = text.split(":").map(Number);
  return hours * 3600 + minutes * 60 + Math.floor(rest || 0);
}

/** @param {number} at seconds since a midnight */
function clock(at) {
  const minutes = Math.floor((at % DAY) / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return "midnight";
  return `${hours % 12 || 12}:${String(minutes % 60).padStart(2, "0")} ${hours < 12 ? "AM" : "PM"}`;
}
