// Elements: how they are made, icons, buttons, and what floats. Knows no chat and no server.

export function el(tag, fields = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith("aria-") || name.startsWith("data-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// The part of the frame that has this name.
export const slot = (name) => document.querySelector(`[data-slot="${name}"]`);

// As wide as phones are, where the sheet stands alone; phone.css has it too.
export const narrow = matchMedia("(max-width: 46rem)");

export function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const icon = (name, small = false) => svg("svg", { class: small ? "i small" : "i", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

// A button that is an icon alone; its label is also its hint.
export const iconButton = (name, label, act, fields = {}, small = false) =>
  el("button", { type: "button", className: "ib", ariaLabel: label, title: label, onclick: act, ...fields }, icon(name, small));

// A button with words. `kind` is "main", "bare", "bad" or nothing; `sign` the name of an icon before the words.
export const button = (words, act, kind = "", sign = "") =>
  el("button", { type: "button", className: `b ${kind}`.trim(), onclick: act }, sign ? icon(sign, true) : null, words);

export const dash = (kind = "") => el("i", { className: `dash ${kind}`.trim(), ariaHidden: "true" });

const floating = [];  // what is open, the newest last

// Opens what floats. It takes the focus; Esc, a press outside of it and `close` of what is returned close it and give the
// focus back to what had it, else to `anchor`. It is put into `into`, or beside the anchor.
export function openPopover(anchor, content, { label, className = "", onclose = null, into = anchor.parentElement } = {}) {
  const box = el("div", { className: `pop ${className}`.trim(), role: "dialog", ariaLabel: label, tabIndex: -1 }, ...[content].flat());
  const popover = { anchor, box, close }, before = document.activeElement;
  const outside = (event) => {
    if (!box.contains(event.target) && !anchor.contains(event.target) && floating.at(-1) === popover) close();
  };
  function close() {
    if (!floating.includes(popover)) return;
    floating.splice(floating.indexOf(popover), 1);
    document.removeEventListener("pointerdown", outside);
    anchor.setAttribute("aria-expanded", "false");
    const inside = box.contains(document.activeElement) || document.activeElement === document.body;
    box.remove();
    if (inside) (before?.isConnected && before !== document.body ? before : anchor).focus();
    onclose?.();
  }
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") {
      keepFocus(event, box);
    }
  });
  floating.push(popover);
  anchor.setAttribute("aria-expanded", "true");
  into.append(box);
  document.addEventListener("pointerdown", outside);
  (box.querySelector("[autofocus]") ?? box).focus({ preventScroll: true });
  return popover;
}

const FOCUSABLE = "a[href], button:not([disabled]), input:not([disabled]), select, textarea, summary, [tabindex='0']";

// Tab stays within.
function keepFocus(event, box) {
  const all = [...box.querySelectorAll(FOCUSABLE)].filter((each) => each.offsetParent !== null), [first, last] = [all[0], all.at(-1)];
  if (!first) return event.preventDefault();
  const at = document.activeElement;
  if (event.shiftKey ? at === first || at === box : at === last) {
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }
}

// A popover of commands, one below the other: [{words, sign, act, kind}]. Arrows walk through them.
export function openMenu(anchor, entries, { label, className = "", into } = {}) {
  const rows = entries.map(({ words, sign, act, kind }) => {
    const row = button(words, () => {
      popover.close();
      act();
    }, `bare ${kind ?? ""}`.trim(), sign);
    row.setAttribute("role", "menuitem");
    return row;
  });
  const list = el("div", { className: "menu-list", role: "menu", ariaLabel: label }, ...rows);
  list.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    rows.at((rows.indexOf(document.activeElement) + by) % rows.length).focus();
  };
  const popover = openPopover(anchor, list, { label, className: `menu ${className}`.trim(), ...(into ? { into } : {}) });
  rows[0]?.focus();
  return popover;
}
