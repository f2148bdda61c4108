/**
 * The dialog in which a dish is made up: groups of modifiers, nested to any depth, held within their bounds at every click.
 *
 * @typedef {import("./types.js").Group} Group
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").Menu} Menu
 */

import { stepper } from "./controls.js";
import { announce, h, icon, swap } from "./dom.js";
import { dollars, toCents } from "./money.js";
import * as rules from "./rules.js";

const MOST = 99; // pieces of one line

/**
 * Let a dish be made up.
 *
 * @param {{menu: Menu, line: Line, action: string, notServed?: string}} what `action` is the button's word; `notServed` says why
 *   the dish can only be looked at
 * @returns {Promise<Line | null>} null when nothing came of it
 */
export function makeUp({ menu, line, action, notServed }) {
  const sheet = new Sheet(menu, structuredClone(line), action, notServed);
  return sheet.open();
}

class Sheet {
  /**
   * @param {Menu} menu
   * @param {Line} line which is changed
   * @param {string} action
   * @param {string | undefined} notServed
   */
  constructor(menu, line, action, notServed) {
    this.menu = menu;
    this.line = line;
    this.action = action;
    this.notServed = notServed;
    this.tried = false;
    /** @type {(line: Line | null) => void} */
    this.done = () => {};
    const item = menu.items[line.itemId];
    this.body = h("div", { class: "sheet-body" });
    this.foot = h("footer", { class: "sheet-foot" });
    this.dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        {
          class: "sheet",
          aria: { labelledby: "sheet-title" },
          onclose: () => this.close(null),
          onclick: (/** @type {Event} */ event) => event.target === this.dialog && this.close(null),
        },
        h(
          "form",
          { novalidate: true, onsubmit: (/** @type {Event} */ event) => this.submit(event) },
          h(
            "header",
            { class: "sheet-head" },
            h(
              "div",
              null,
              h("h2", { id: "sheet-title", tabindex: "-1" }, item.name),
              h("p", { class: "price" }, dollars(toCents(item.basePrice))),
            ),
            h("button", { type: "button", class: "round", aria: { label: "Close" }, onclick: () => this.close(null) }, icon("close")),
          ),
          this.body,
          this.foot,
        ),
      )
    );
  }

  /** @returns {Promise<Line | null>} */
  open() {
    this.render();
    document.body.append(this.dialog);
    this.dialog.showModal();
    document.getElementById("sheet-title")?.focus();
    return new Promise((resolve) => (this.done = resolve));
  }

  /** @param {Line | null} line */
  close(line) {
    this.done(line);
    if (this.dialog.open) this.dialog.close();
    this.dialog.remove();
  }

  /** @param {Event} event */
  submit(event) {
    event.preventDefault();
    if (this.notServed) return;
    const [first] = rules.violations(this.menu, this.line);
    if (!first) {
      this.close(this.line);
      return;
    }
    this.tried = true;
    this.render();
    const place = this.body.querySelector(".group.wrong");
    place?.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement | null | undefined} */ (place?.querySelector("input, button"))?.focus({ preventScroll: true });
    announce(first.group ? `${first.group.name}: ${first.message}` : first.message);
  }

  render() {
    const item = this.menu.items[this.line.itemId];
    const wrong = new Map(rules.violations(this.menu, this.line).map((one) => [one.trail, one.message]));
    swap(
      this.body,
      item.description && h("p", { class: "lead" }, item.description),
      this.groups(this.line, "", wrong),
    );
    const price = dollars(rules.linePrice(this.menu, this.line));
    swap(
      this.foot,
      this.notServed
        ? h("p", { class: "notice" }, icon("clock"), this.notServed)
        : [
            stepper({
              label: item.name,
              value: this.line.quantity,
              key: "quantity",
              mayLess: this.line.quantity > 1,
              mayMore: this.line.quantity < MOST,
              onChange: (by) => this.change(() => (this.line.quantity += by)),
            }),
            h(
              "button",
              { class: "primary", dataset: { key: "submit" } },
              h("span", null, this.action),
              h("span", { class: "amount" }, price),
            ),
          ],
    );
  }

  /** @param {() => void} change */
  change(change) {
    change();
    const top = this.body.scrollTop;
    this.render();
    this.body.scrollTop = top;
  }

  /**
   * @param {Line} line
   * @param {string} trail
   * @param {Map<string, string>} wrong messages by trail
   * @returns {HTMLElement[]}
   */
  groups(line, trail, wrong) {
    return rules.groupsOf(this.menu, line.itemId).map((group) => {
      const here = `${trail}/${group.modifierGroupId}`;
      const message = this.tried ? wrong.get(here) : undefined;
      const met = !wrong.has(here);
      const one = group.maximumAllowed === 1;
      const rows = group.itemIds.map((id) => this.option(line, group, id, here, wrong));
      if (one && !group.minimumAllowed) rows.unshift(this.none(line, group, here));
      return h(
        "fieldset",
        { class: message ? "group wrong" : "group", dataset: { group: group.modifierGroupId } },
        h(
          "legend",
          null,
          h("span", { class: "group-name" }, group.name),
          h("span", { class: met ? "badge" : "badge due" }, met && group.minimumAllowed ? icon("check") : null, rules.bounds(group)),
        ),
        group.tiers ? h("p", { class: "quiet" }, tiersInWords(group)) : null,
        message ? h("p", { class: "complaint" }, message) : null,
        h("div", { class: "options" }, ...rows),
      );
    });
  }

  /**
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} trail
   * @param {Map<string, string>} wrong
   */
  option(line, group, itemId, trail, wrong) {
    const selected = rules.chosen(line, group.modifierGroupId);
    const mine = selected.find((one) => one.itemId === itemId);
    const control =
      group.maximumAllowed > 1 && group.enableDuplicateItems
        ? this.counted(line, group, itemId, trail)
        : this.ticked(line, group, itemId, trail);
    const nested = mine ? this.groups(mine, rules.below(trail, itemId), wrong) : [];
    return h("div", { class: "option" }, control, nested.length ? h("div", { class: "nested" }, ...nested) : null);
  }

  /**
   * An option that is chosen or not.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} trail
   */
  ticked(line, group, itemId, trail) {
    const single = group.maximumAllowed === 1;
    const selected = rules.chosen(line, group.modifierGroupId);
    const checked = rules.count(selected, itemId) > 0;
    const full = !single && !checked && !rules.mayAdd(group, line, itemId);
    const choose = () =>
      this.change(() => {
        if (single) for (const one of selected) rules.choose(this.menu, line, group, one.itemId, 0);
        rules.choose(this.menu, line, group, itemId, single || !checked ? 1 : 0);
      });
    return h(
      "label",
      { class: full ? "row full" : "row" },
      h("input", {
        type: single ? "radio" : "checkbox",
        name: trail,
        checked,
        dataset: { key: rules.below(trail, itemId) },
        aria: { disabled: full ? "true" : null },
        onclick: (/** @type {Event} */ event) => full && event.preventDefault(),
        onchange: choose,
      }),
      h("span", { class: "name" }, this.menu.items[itemId].name),
      this.extra(group, line, itemId),
    );
  }

  /**
   * The choice of nothing.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} trail
   */
  none(line, group, trail) {
    const selected = rules.chosen(line, group.modifierGroupId);
    const drop = () =>
      this.change(() => selected.forEach((one) => rules.choose(this.menu, line, group, one.itemId, 0)));
    return h(
      "div",
      { class: "option" },
      h(
        "label",
        { class: "row" },
        h("input", { type: "radio", name: trail, checked: !selected.length, dataset: { key: `${trail}/` }, onchange: drop }),
        h("span", { class: "name" }, "None"),
      ),
    );
  }

  /**
   * An option that can be chosen more than once.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} trail
   */
  counted(line, group, itemId, trail) {
    const { name } = this.menu.items[itemId];
    const value = rules.count(rules.chosen(line, group.modifierGroupId), itemId);
    const mayMore = rules.mayAdd(group, line, itemId);
    return h(
      "div",
      { class: mayMore || value ? "row" : "row full" },
      h("span", { class: "name" }, name),
      this.extra(group, line, itemId),
      stepper({
        label: name,
        value,
        key: rules.below(trail, itemId),
        mayMore,
        onChange: (by) => this.change(() => rules.choose(this.menu, line, group, itemId, value + by)),
      }),
    );
  }

  /**
   * What one more of an option would add.
   *
   * @param {Group} group
   * @param {Line} line
   * @param {string} itemId
   */
  extra(group, line, itemId) {
    const selected = rules.chosen(line, group.modifierGroupId);
    // In a group of one the choice is exchanged, so it is always the first.
    const before = group.maximumAllowed === 1 ? 0 : rules.count(selected);
    const cents = rules.selectionPrice(this.menu, group, itemId, before);
    if (cents === 0) return group.tiers ? h("span", { class: "extra" }, "free") : null;
    return h("span", { class: "extra" }, cents > 0 ? `+${dollars(cents)}` : dollars(cents));
  }

}

/**
 * @param {Group} group with tiers
 * @returns {string} “First 2 free, then $1.25 each”
 */
function tiersInWords(group) {
  const tiers = [...(group.tiers ?? [])].sort((a, b) => a.offset - b.offset);
  const parts = tiers
    .filter((tier) => tier.offset < group.maximumAllowed)
    .map((tier, index, all) => {
      const following = all[index + 1];
      const price = tier.price === 0 ? "free" : `${dollars(toCents(tier.price))} each`;
      if (!following) return index === 0 ? `Any ${price}` : `then ${price}`;
      const many = following.offset - tier.offset;
      return `${index === 0 ? "first" : "next"} ${many} ${price}`;
    });
  const text = parts.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

