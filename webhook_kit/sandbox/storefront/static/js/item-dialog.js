/**
 * The dialog for an item's modifiers: groups, nested to any depth, whose maximum no click can exceed.
 *
 * @typedef {import("./types.js").Group} Group
 * @typedef {import("./types.js").Line} Line
 * @typedef {import("./types.js").CatalogSet} CatalogSet
 */

import { stepper } from "./controls.js";
import { announce, h, icon, swap } from "./dom.js";
import { dollars, toCents } from "./money.js";
import { picture } from "./pictures.js";
import * as rules from "./rules.js";
import { optionPrice, startingPrice } from "./starting-price.js";

const MAX_QUANTITY = 99; // of one line

/**
 * Let the customer choose modifiers and quantity.
 *
 * @param {{catalogSet: CatalogSet, line: Line, action: string, notServed?: string}} options `action` is the button's text; `notServed` is the
 *   reason that the item cannot be ordered now
 * @returns {Promise<Line | null>} null if the dialog was closed
 */
export function editLine({ catalogSet, line, action, notServed }) {
  const dialog = new ItemDialog(catalogSet, structuredClone(line), action, notServed);
  return dialog.open();
}

class ItemDialog {
  /**
   * @param {CatalogSet} catalogSet
   * @param {Line} line is changed
   * @param {string} action
   * @param {string | undefined} notServed
   */
  constructor(catalogSet, line, action, notServed) {
    this.catalogSet = catalogSet;
    this.line = line;
    this.action = action;
    this.notServed = notServed;
    this.submitted = false;
    /** @type {(line: Line | null) => void} */
    this.done = () => {};
    const item = catalogSet.items[line.itemId];
    this.picture = picture(item.imageUrl);
    this.body = h("div", { class: "dialog-body" });
    this.foot = h("footer", { class: "dialog-foot" });
    this.dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        {
          class: "item-dialog",
          aria: { labelledby: "dialog-title" },
          onclose: () => this.close(null),
          onclick: (/** @type {Event} */ event) => event.target === this.dialog && this.close(null),
        },
        h(
          "form",
          { novalidate: true, onsubmit: (/** @type {Event} */ event) => this.submit(event) },
          h(
            "header",
            { class: "dialog-head" },
            h(
              "div",
              null,
              h("h2", { id: "dialog-title", tabindex: "-1" }, item.name),
              h("p", { class: "price" }, startingPrice(catalogSet, line.itemId)),
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
    document.getElementById("dialog-title")?.focus();
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
    const [first] = rules.violations(this.catalogSet, this.line);
    if (!first) {
      this.close(this.line);
      return;
    }
    this.submitted = true;
    this.render();
    const place = this.body.querySelector(".group.wrong");
    place?.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement | null | undefined} */ (place?.querySelector("input, button"))?.focus({ preventScroll: true });
    announce(first.group ? `${first.group.name}: ${first.message}` : first.message);
  }

  render() {
    const item = this.catalogSet.items[this.line.itemId];
    const messages = new Map(rules.violations(this.catalogSet, this.line).map((one) => [one.path, one.message]));
    swap(
      this.body,
      this.picture,
      item.description && h("p", { class: "lead" }, item.description),
      this.groups(this.line, "", messages),
    );
    const price = dollars(rules.linePrice(this.catalogSet, this.line));
    swap(
      this.foot,
      this.notServed
        ? h("p", { class: "notice" }, icon("clock"), this.notServed)
        : [
            stepper({
              label: item.name,
              value: this.line.quantity,
              key: "quantity",
              canDecrease: this.line.quantity > 1,
              canIncrease: this.line.quantity < MAX_QUANTITY,
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
   * @param {string} path
   * @param {Map<string, string>} messages by path
   * @returns {HTMLElement[]}
   */
  groups(line, path, messages) {
    return rules.groupsOf(this.catalogSet, line.itemId).map((group) => {
      const here = `${path}/${group.modifierGroupId}`;
      const message = this.submitted ? messages.get(here) : undefined;
      const satisfied = !messages.has(here);
      const one = group.maximumAllowed === 1;
      const rows = group.itemIds.map((id) => this.option(line, group, id, here, messages));
      if (one && !group.minimumAllowed) rows.unshift(this.noneOption(line, group, here));
      return h(
        "fieldset",
        { class: message ? "group wrong" : "group", dataset: { group: group.modifierGroupId } },
        h(
          "legend",
          null,
          h("span", { class: "group-name" }, group.name),
          h("span", { class: satisfied ? "badge" : "badge due" }, satisfied && group.minimumAllowed ? icon("check") : null, rules.bounds(group)),
        ),
        group.tiers ? h("p", { class: "quiet" }, tiersInWords(group)) : null,
        message ? h("p", { class: "error" }, message) : null,
        h("div", { class: "options" }, ...rows),
      );
    });
  }

  /**
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} path
   * @param {Map<string, string>} messages by path
   */
  option(line, group, itemId, path, messages) {
    const selected = rules.selectedIn(line, group.modifierGroupId);
    const chosen = selected.find((one) => one.itemId === itemId);
    const control =
      group.maximumAllowed > 1 && group.enableDuplicateItems
        ? this.countedOption(line, group, itemId, path)
        : this.checkOption(line, group, itemId, path);
    const nested = chosen ? this.groups(chosen, rules.nestedPath(path, itemId), messages) : [];
    return h("div", { class: "option" }, control, nested.length ? h("div", { class: "nested" }, ...nested) : null);
  }

  /**
   * An option with a radio button or a checkbox.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} path
   */
  checkOption(line, group, itemId, path) {
    const single = group.maximumAllowed === 1;
    const selected = rules.selectedIn(line, group.modifierGroupId);
    const checked = rules.count(selected, itemId) > 0;
    const full = !single && !checked && !rules.canAdd(group, line, itemId);
    const toggle = () =>
      this.change(() => {
        if (single) for (const one of selected) rules.setQuantity(this.catalogSet, line, group, one.itemId, 0);
        rules.setQuantity(this.catalogSet, line, group, itemId, single || !checked ? 1 : 0);
      });
    return h(
      "label",
      { class: full ? "row full" : "row" },
      h("input", {
        type: single ? "radio" : "checkbox",
        name: path,
        checked,
        dataset: { key: rules.nestedPath(path, itemId) },
        aria: { disabled: full ? "true" : null },
        onclick: (/** @type {Event} */ event) => full && event.preventDefault(),
        onchange: toggle,
      }),
      h("span", { class: "name" }, this.catalogSet.items[itemId].name),
      this.extra(group, line, itemId),
    );
  }

  /**
   * The option for choosing nothing.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} path
   */
  noneOption(line, group, path) {
    const selected = rules.selectedIn(line, group.modifierGroupId);
    const clear = () =>
      this.change(() => selected.forEach((one) => rules.setQuantity(this.catalogSet, line, group, one.itemId, 0)));
    return h(
      "div",
      { class: "option" },
      h(
        "label",
        { class: "row" },
        h("input", { type: "radio", name: path, checked: !selected.length, dataset: { key: `${path}/` }, onchange: clear }),
        h("span", { class: "name" }, "None"),
      ),
    );
  }

  /**
   * An option with a quantity.
   *
   * @param {Line} line
   * @param {Group} group
   * @param {string} itemId
   * @param {string} path
   */
  countedOption(line, group, itemId, path) {
    const { name } = this.catalogSet.items[itemId];
    const value = rules.count(rules.selectedIn(line, group.modifierGroupId), itemId);
    const canIncrease = rules.canAdd(group, line, itemId);
    return h(
      "div",
      { class: canIncrease || value ? "row" : "row full" },
      h("span", { class: "name" }, name),
      this.extra(group, line, itemId),
      stepper({
        label: name,
        value,
        key: rules.nestedPath(path, itemId),
        canIncrease,
        onChange: (by) => this.change(() => rules.setQuantity(this.catalogSet, line, group, itemId, value + by)),
      }),
    );
  }

  /**
   * The price of one more of an option.
   *
   * @param {Group} group
   * @param {Line} line
   * @param {string} itemId
   */
  extra(group, line, itemId) {
    const selected = rules.selectedIn(line, group.modifierGroupId);
    // In a group of one, a choice replaces the other, so it is always the first.
    const before = group.maximumAllowed === 1 ? 0 : rules.count(selected);
    const price = optionPrice(this.catalogSet, group, itemId, before) || (group.tiers ? "free" : "");
    return price ? h("span", { class: "extra" }, price) : null;
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
      const next = all[index + 1];
      const price = tier.price === 0 ? "free" : `${dollars(toCents(tier.price))} each`;
      if (!next) return index === 0 ? `Any ${price}` : `then ${price}`;
      const quantity = next.offset - tier.offset;
      return `${index === 0 ? "first" : "next"} ${quantity} ${price}`;
    });
  const text = parts.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
