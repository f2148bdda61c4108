/**
 * The catalogs of a CatalogSet with their opening hours: available now, or later.
 *
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Section} Section
 */

import { service } from "./hours.js";

/**
 * @typedef {object} TimedCatalog A catalog at a point in time.
 * @property {string} id
 * @property {string} name
 * @property {boolean} open
 * @property {string} text opening hours for customers
 * @property {Section[]} sections of the first level
 */

/**
 * @param {CatalogSet} catalogSet
 * @param {Date} moment
 * @param {string | null | undefined} zone
 * @returns {TimedCatalog[]} all catalogs that are not empty
 */
export function timedCatalogs(catalogSet, moment, zone) {
  return Object.values(catalogSet.catalogs)
    .map((catalog) => ({
      id: catalog.catalogId,
      name: catalog.name,
      ...service(catalog.availability, moment, zone),
      sections: sections(catalogSet, catalog.sectionIds),
    }))
    .filter((catalog) => catalog.sections.length > 0);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {string[] | undefined} ids
 * @returns {Section[]} sections that contain items
 */
export function sections(catalogSet, ids) {
  return [...new Set(ids ?? [])]
    .map((id) => catalogSet.sections[id])
    .filter((section) => section && [...itemIds(catalogSet, section)].length > 0);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Section} section
 * @returns {Generator<string>} ids of its items, including nested sections
 */
export function* itemIds(catalogSet, section) {
  yield* section.itemIds ?? [];
  for (const id of section.sectionIds ?? []) if (catalogSet.sections[id]) yield* itemIds(catalogSet, catalogSet.sections[id]);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {TimedCatalog[]} all
 * @returns {Set<string>} ids of the items of all open catalogs
 */
export function availableNow(catalogSet, all) {
  const open = all.filter((catalog) => catalog.open);
  return new Set(open.flatMap((catalog) => catalog.sections.flatMap((section) => [...itemIds(catalogSet, section)])));
}
