/**
 * A menu as people read it: what is served now, and what later.
 *
 * @typedef {import("./types.js").Menu} Menu
 * @typedef {import("./types.js").Section} Section
 */

import { service } from "./hours.js";

/**
 * @typedef {object} Sitting A catalog at one moment.
 * @property {string} id
 * @property {string} name
 * @property {boolean} open
 * @property {string} text when it is served
 * @property {Section[]} sections of the first level
 */

/**
 * @param {Menu} menu
 * @param {Date} moment
 * @param {string | null | undefined} zone
 * @returns {Sitting[]} every catalog; an empty one is left out
 */
export function sittings(menu, moment, zone) {
  return Object.values(menu.catalogs)
    .map((catalog) => ({
      id: catalog.catalogId,
      name: catalog.name,
      ...service(catalog.availability, moment, zone),
      sections: sections(menu, catalog.sectionIds),
    }))
    .filter((sitting) => sitting.sections.length > 0);
}

/**
 * @param {Menu} menu
 * @param {string[] | undefined} ids
 * @returns {Section[]} those that hold something to order
 */
export function sections(menu, ids) {
  return [...new Set(ids ?? [])]
    .map((id) => menu.sections[id])
    .filter((section) => section && [...dishes(menu, section)].length > 0);
}

/**
 * @param {Menu} menu
 * @param {Section} section
 * @returns {Generator<string>} the ids of its dishes, those of nested sections included
 */
export function* dishes(menu, section) {
  yield* section.itemIds ?? [];
  for (const id of section.sectionIds ?? []) if (menu.sections[id]) yield* dishes(menu, menu.sections[id]);
}

/**
 * @param {Menu} menu
 * @param {Sitting[]} all
 * @returns {Set<string>} the dishes of every catalog that is open
 */
export function servedNow(menu, all) {
  const open = all.filter((sitting) => sitting.open);
  return new Set(open.flatMap((sitting) => sitting.sections.flatMap((section) => [...dishes(menu, section)])));
}
