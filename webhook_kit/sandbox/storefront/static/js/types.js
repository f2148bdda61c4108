/**
 * Types of the protocol, with the members that the page uses (gett-protocol.md §3, §4 and §6).
 *
 * @typedef {object} Window A weekly opening window; an `end` of 00:00:00 is the end of the day.
 * @property {string} dayOfWeek
 * @property {string} start
 * @property {string} end
 *
 * @typedef {object} Catalog
 * @property {string} catalogId
 * @property {string} name
 * @property {string[]} sectionIds
 * @property {Window[] | null} [availability]
 *
 * @typedef {object} Section
 * @property {string} sectionId
 * @property {string} name
 * @property {string[]} itemIds
 * @property {string[]} sectionIds
 *
 * @typedef {object} Item An item, or an option of a group.
 * @property {string} itemId
 * @property {string} name
 * @property {string | null} [description]
 * @property {string | null} [imageUrl]
 * @property {number} basePrice
 * @property {number | null} [compareAt]
 * @property {number | null} [startingAt]
 * @property {string[]} [modifierGroupIds]
 *
 * @typedef {object} Group
 * @property {string} modifierGroupId
 * @property {string} name
 * @property {string[]} itemIds
 * @property {number} [minimumAllowed]
 * @property {number} maximumAllowed
 * @property {{itemId: string, quantity?: number}[] | null} [defaultItems]
 * @property {boolean} [enableDuplicateItems]
 * @property {{offset: number, price: number}[] | null} [tiers]
 *
 * @typedef {object} CatalogSet
 * @property {string} catalogSetId
 * @property {Record<string, Catalog>} catalogs
 * @property {Record<string, Section>} sections
 * @property {Record<string, Item>} items
 * @property {Record<string, Group>} modifierGroups
 *
 * @typedef {object} Line A line of a cart, or a selected modifier.
 * @property {string} [lineItemId]
 * @property {string} itemId
 * @property {number} quantity
 * @property {Choice[]} modifierGroups
 *
 * @typedef {object} Choice The selected modifiers of one group.
 * @property {string} modifierGroupId
 * @property {Line[]} selectedModifiers
 *
 * @typedef {object} Cart
 * @property {string | null} [catalogSetId]
 * @property {string} storeId
 * @property {Line[]} lineItems
 *
 * @typedef {object} OrderError
 * @property {string} code
 * @property {string} message
 * @property {string | null} [itemId]
 * @property {string | null} [jsonPath]
 *
 * @typedef {Record<string, any>} Store
 * @typedef {Record<string, any>} Order
 * @typedef {Record<string, any>} Entry An entry of the sandbox's traffic log.
 */

export {};
