/**
 * Price and validity of a line, by the rules of gett-protocol.md §4, in whole cents. These functions do not touch the page.
 * Only {@link setQuantity} changes its argument.
 *
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 * @typedef {import("./types.js").Group} Group
 * @typedef {import("./types.js").Line} Line
 */

import { toCents } from "./money.js";

/**
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @returns {number} quantity × unit price, in cents
 */
export function linePrice(catalogSet, line) {
  return line.quantity * unitPrice(catalogSet, line);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @returns {number} one unit with its modifiers, in cents
 */
export function unitPrice(catalogSet, line) {
  return toCents(catalogSet.items[line.itemId]?.basePrice) + modifiersPrice(catalogSet, line);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @returns {number} the modifiers of one unit, in cents
 */
function modifiersPrice(catalogSet, line) {
  const counts = new Map();
  let cents = 0;
  for (const choice of line.modifierGroups ?? []) {
    const group = catalogSet.modifierGroups[choice.modifierGroupId];
    if (!group) continue;
    for (const selected of choice.selectedModifiers) {
      const first = counts.get(group) ?? 0;
      for (let k = first; k < first + selected.quantity; k += 1) cents += selectionPrice(catalogSet, group, selected.itemId, k);
      cents += selected.quantity * modifiersPrice(catalogSet, selected);
      counts.set(group, first + selected.quantity);
    }
  }
  return cents;
}

/**
 * Return the price of the k-th selection of a group (from 0): that of the tier with the greatest offset ≤ k, else the option's own.
 *
 * @param {CatalogSet} catalogSet
 * @param {Group} group
 * @param {string} itemId
 * @param {number} k
 * @returns {number} cents
 */
export function selectionPrice(catalogSet, group, itemId, k) {
  if (!group.tiers) return toCents(catalogSet.items[itemId]?.basePrice);
  const reached = group.tiers.filter((tier) => tier.offset <= k).sort((a, b) => b.offset - a.offset);
  return toCents(reached[0]?.price);
}

/**
 * @param {CatalogSet} catalogSet
 * @param {string} itemId
 * @returns {Group[]} the groups of an item without duplicates
 */
export function groupsOf(catalogSet, itemId) {
  return [...new Set(catalogSet.items[itemId]?.modifierGroupIds ?? [])].map((id) => catalogSet.modifierGroups[id]).filter(Boolean);
}

/**
 * @param {Line} line
 * @param {string} groupId
 * @returns {Line[]} the modifiers of a line in a group
 */
export function selectedIn(line, groupId) {
  return (line.modifierGroups ?? [])
    .filter((choice) => choice.modifierGroupId === groupId)
    .flatMap((choice) => choice.selectedModifiers);
}

/**
 * @param {Line[]} selected
 * @param {string} [itemId] count only this option
 * @returns {number} total quantity
 */
export function count(selected, itemId) {
  return selected.filter((one) => itemId === undefined || one.itemId === itemId).reduce((sum, one) => sum + one.quantity, 0);
}

/**
 * Return true if one more of an option can be chosen.
 *
 * @param {Group} group
 * @param {Line} line
 * @param {string} itemId
 */
export function canAdd(group, line, itemId) {
  const selected = selectedIn(line, group.modifierGroupId);
  return count(selected) < group.maximumAllowed && (group.enableDuplicateItems === true || count(selected, itemId) === 0);
}

/**
 * Create a line of an item with the default items of its groups, and theirs.
 *
 * @param {CatalogSet} catalogSet
 * @param {string} itemId
 * @param {number} [quantity]
 * @returns {Line}
 */
export function newLine(catalogSet, itemId, quantity = 1) {
  const modifierGroups = groupsOf(catalogSet, itemId)
    .filter((group) => group.defaultItems?.length)
    .map((group) => ({
      modifierGroupId: group.modifierGroupId,
      selectedModifiers: (group.defaultItems ?? []).map((one) => newLine(catalogSet, one.itemId, one.quantity ?? 1)),
    }));
  return { itemId, quantity, modifierGroups };
}

/**
 * Set the quantity of an option in a group and keep the option's own modifiers. Changes the line.
 *
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @param {Group} group
 * @param {string} itemId
 * @param {number} quantity 0 removes it
 */
export function setQuantity(catalogSet, line, group, itemId, quantity) {
  const id = group.modifierGroupId;
  const selected = selectedIn(line, id);
  const existing = selected.find((one) => one.itemId === itemId) ?? newLine(catalogSet, itemId);
  const order = (/** @type {Line} */ one) => group.itemIds.indexOf(one.itemId);
  const others = selected.filter((one) => one.itemId !== itemId);
  const now = quantity > 0 ? [...others, { ...existing, quantity }].sort((a, b) => order(a) - order(b)) : others;
  const choices = new Map((line.modifierGroups ?? []).map((choice) => [choice.modifierGroupId, choice]));
  choices.set(id, { modifierGroupId: id, selectedModifiers: now });
  line.modifierGroups = [...choices.values()].filter((choice) => choice.selectedModifiers.length > 0);
}

/**
 * Return the violations of a line's modifiers, nested ones included.
 *
 * @param {CatalogSet} catalogSet
 * @param {Line} line
 * @param {string} [path] distinguishes groups that appear more than once; see {@link nestedPath}
 * @returns {{path: string, group: Group | undefined, message: string}[]}
 */
export function violations(catalogSet, line, path = "") {
  const groups = groupsOf(catalogSet, line.itemId);
  const result = (line.modifierGroups ?? [])
    .filter((choice) => !groups.some((group) => group.modifierGroupId === choice.modifierGroupId))
    .map((choice) => ({ path: `${path}/${choice.modifierGroupId}`, group: undefined, message: "No longer offered." }));
  for (const group of groups) {
    const here = `${path}/${group.modifierGroupId}`;
    const selected = selectedIn(line, group.modifierGroupId);
    const total = count(selected);
    const repeated = selected.some((one) => count(selected, one.itemId) > 1);
    if (total < (group.minimumAllowed ?? 0) || total > group.maximumAllowed) {
      result.push({ path: here, group, message: `${bounds(group)}.` });
    }
    if (repeated && !group.enableDuplicateItems) result.push({ path: here, group, message: "Choose each only once." });
    if (selected.some((one) => !group.itemIds.includes(one.itemId))) {
      result.push({ path: here, group, message: "One of these is no longer offered." });
    }
    for (const one of selected) result.push(...violations(catalogSet, one, nestedPath(here, one.itemId)));
  }
  return result;
}

/**
 * Return the path of an option's groups.
 *
 * @param {string} path of the option's group
 * @param {string} itemId
 */
export function nestedPath(path, itemId) {
  return `${path}/${itemId}`;
}

/**
 * @param {Group} group
 * @returns {string} the bounds of a group, as a text
 */
export function bounds(group) {
  const minimum = group.minimumAllowed ?? 0;
  const maximum = group.maximumAllowed;
  if (minimum === maximum) return `Choose ${maximum}`;
  if (minimum <= 0) return `Choose up to ${maximum}`;
  return `Choose ${minimum} to ${maximum}`;
}
