/**
 * What a line costs and whether it is legal: the rules of gett-protocol.md §4, in whole cents. Nothing here touches the page,
 * and nothing is changed but the line that {@link choose} is given.
 *
 * @typedef {import("./types.js").Menu} Menu
 * @typedef {import("./types.js").Group} Group
 * @typedef {import("./types.js").Line} Line
 */

import { toCents } from "./money.js";

/**
 * @param {Menu} menu
 * @param {Line} line
 * @returns {number} quantity × piece, in cents
 */
export function linePrice(menu, line) {
  return line.quantity * piecePrice(menu, line);
}

/**
 * @param {Menu} menu
 * @param {Line} line
 * @returns {number} one piece with its modifiers, in cents
 */
export function piecePrice(menu, line) {
  return toCents(menu.items[line.itemId]?.basePrice) + choicesPrice(menu, line);
}

/**
 * @param {Menu} menu
 * @param {Line} line
 * @returns {number} what the choices made for one piece add, in cents
 */
function choicesPrice(menu, line) {
  const counts = new Map();
  let cents = 0;
  for (const choice of line.modifierGroups ?? []) {
    const group = menu.modifierGroups[choice.modifierGroupId];
    if (!group) continue;
    for (const selected of choice.selectedModifiers) {
      const first = counts.get(group) ?? 0;
      for (let k = first; k < first + selected.quantity; k += 1) cents += selectionPrice(menu, group, selected.itemId, k);
      cents += selected.quantity * choicesPrice(menu, selected);
      counts.set(group, first + selected.quantity);
    }
  }
  return cents;
}

/**
 * The k-th selection of a group (from 0): with tiers the price of the greatest offset ≤ k, else the option's own.
 *
 * @param {Menu} menu
 * @param {Group} group
 * @param {string} itemId
 * @param {number} k
 * @returns {number} cents
 */
export function selectionPrice(menu, group, itemId, k) {
  if (!group.tiers) return toCents(menu.items[itemId]?.basePrice);
  const reached = group.tiers.filter((tier) => tier.offset <= k).sort((a, b) => b.offset - a.offset);
  return toCents(reached[0]?.price);
}

/**
 * @param {Menu} menu
 * @param {string} itemId
 * @returns {Group[]} the groups of an item, each once
 */
export function groupsOf(menu, itemId) {
  return [...new Set(menu.items[itemId]?.modifierGroupIds ?? [])].map((id) => menu.modifierGroups[id]).filter(Boolean);
}

/**
 * @param {Line} line
 * @param {string} groupId
 * @returns {Line[]} what a line has chosen from a group
 */
export function chosen(line, groupId) {
  return (line.modifierGroups ?? [])
    .filter((choice) => choice.modifierGroupId === groupId)
    .flatMap((choice) => choice.selectedModifiers);
}

/**
 * @param {Line[]} selected
 * @param {string} [itemId] of this option alone
 * @returns {number} how many, quantities counted
 */
export function count(selected, itemId) {
  return selected.filter((one) => itemId === undefined || one.itemId === itemId).reduce((sum, one) => sum + one.quantity, 0);
}

/**
 * Whether one more of an option may be chosen.
 *
 * @param {Group} group
 * @param {Line} line
 * @param {string} itemId
 */
export function mayAdd(group, line, itemId) {
  const selected = chosen(line, group.modifierGroupId);
  return count(selected) < group.maximumAllowed && (group.enableDuplicateItems === true || count(selected, itemId) === 0);
}

/**
 * An item as it is before anybody chooses: with the defaults of its groups, and theirs.
 *
 * @param {Menu} menu
 * @param {string} itemId
 * @param {number} [quantity]
 * @returns {Line}
 */
export function fresh(menu, itemId, quantity = 1) {
  const modifierGroups = groupsOf(menu, itemId)
    .filter((group) => group.defaultItems?.length)
    .map((group) => ({
      modifierGroupId: group.modifierGroupId,
      selectedModifiers: (group.defaultItems ?? []).map((one) => fresh(menu, one.itemId, one.quantity ?? 1)),
    }));
  return { itemId, quantity, modifierGroups };
}

/**
 * Choose an option of a group so many times; what it was chosen with stays. Changes the line.
 *
 * @param {Menu} menu
 * @param {Line} line
 * @param {Group} group
 * @param {string} itemId
 * @param {number} quantity 0 takes it out
 */
export function choose(menu, line, group, itemId, quantity) {
  const id = group.modifierGroupId;
  const selected = chosen(line, id);
  const known = selected.find((one) => one.itemId === itemId) ?? fresh(menu, itemId);
  const order = (/** @type {Line} */ one) => group.itemIds.indexOf(one.itemId);
  const others = selected.filter((one) => one.itemId !== itemId);
  const now = quantity > 0 ? [...others, { ...known, quantity }].sort((a, b) => order(a) - order(b)) : others;
  const choices = new Map((line.modifierGroups ?? []).map((choice) => [choice.modifierGroupId, choice]));
  choices.set(id, { modifierGroupId: id, selectedModifiers: now });
  line.modifierGroups = [...choices.values()].filter((choice) => choice.selectedModifiers.length > 0);
}

/**
 * What is wrong with the choices of a line, nested ones included.
 *
 * @param {Menu} menu
 * @param {Line} line
 * @param {string} [trail] which keeps groups that appear more than once apart; see {@link below}
 * @returns {{trail: string, group: Group | undefined, message: string}[]}
 */
export function violations(menu, line, trail = "") {
  const groups = groupsOf(menu, line.itemId);
  const found = (line.modifierGroups ?? [])
    .filter((choice) => !groups.some((group) => group.modifierGroupId === choice.modifierGroupId))
    .map((choice) => ({ trail: `${trail}/${choice.modifierGroupId}`, group: undefined, message: "No longer offered." }));
  for (const group of groups) {
    const here = `${trail}/${group.modifierGroupId}`;
    const selected = chosen(line, group.modifierGroupId);
    const total = count(selected);
    const repeated = selected.some((one) => count(selected, one.itemId) > 1);
    if (total < (group.minimumAllowed ?? 0) || total > group.maximumAllowed) {
      found.push({ trail: here, group, message: `${bounds(group)}.` });
    }
    if (repeated && !group.enableDuplicateItems) found.push({ trail: here, group, message: "Choose each only once." });
    if (selected.some((one) => !group.itemIds.includes(one.itemId))) {
      found.push({ trail: here, group, message: "One of these is no longer offered." });
    }
    for (const one of selected) found.push(...violations(menu, one, below(here, one.itemId)));
  }
  return found;
}

/**
 * The trail of the groups of an option.
 *
 * @param {string} trail of the group it was chosen from
 * @param {string} itemId
 */
export function below(trail, itemId) {
  return `${trail}/${itemId}`;
}

/**
 * @param {Group} group
 * @returns {string} how many to choose, in words
 */
export function bounds(group) {
  const minimum = group.minimumAllowed ?? 0;
  const maximum = group.maximumAllowed;
  if (minimum === maximum) return `Choose ${maximum}`;
  if (minimum <= 0) return `Choose up to ${maximum}`;
  return `Choose ${minimum} to ${maximum}`;
}
