// Rows by keyboard, and the menu of a row. The focus stands on the title of a row, so Enter opens it by itself.
(() => {
  const page = document.getElementById("list-page");
  if (!page) return;
  const lettersOff = document.body.dataset.keys === "off";
  const titles = () => [...document.querySelectorAll("#rows tbody th a")];
  const current = () => document.activeElement?.closest?.("#rows tbody tr");
  const isTyping = (target) =>
    target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox], [type=radio], [type=submit])");

  const step = (by) => {
    const all = titles();
    const at = all.indexOf(current()?.querySelector("th a"));
    const to = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
    to?.focus();
    to?.scrollIntoView({ block: "nearest" });
  };
  const DEEDS = {
    j: () => step(1),
    k: () => step(-1),
    x: (event) => current()?.dispatchEvent(new CustomEvent("list:tick", { bubbles: true, detail: { range: event.shiftKey } })),
    e: () => current()?.querySelector("td > .edit")?.click(),
  };
  document.addEventListener("keydown", (event) => {
    if (lettersOff || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open], .row-menu[aria-expanded=true]")) return;
    // On a keyboard of other letters the key at the same place counts.
    const key = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
    const deed = !event.shiftKey || key === "x" ? DEEDS[key] : null;
    if (!deed) return;
    event.preventDefault();
    deed(event);
  });

  // A name that is cut off is said in full where one points at it.
  document.addEventListener("mouseover", (event) => {
    const title = event.target.closest?.("#rows tbody th a");
    if (title && title.scrollWidth > title.clientWidth) title.title = title.textContent;
  });

  // The menu: one for all rows, filled for the row that it is opened on.
  const template = document.getElementById("row-menu");
  let opener = null;
  let menu = null;
  const close = (back) => {
    if (!menu) return;
    menu.remove();
    menu = null;
    opener.setAttribute("aria-expanded", "false");
    if (back) opener.focus();
  };
  const open = (button) => {
    close(false);
    opener = button;
    const row = button.closest("tr");
    menu = template.content.firstElementChild.cloneNode(true);
    for (const item of menu.querySelectorAll("a")) item.setAttribute("href", `${item.getAttribute("href")}?id=${row.dataset.id}`);
    for (const item of menu.querySelectorAll("button")) item.value = row.dataset.id;
    button.after(menu);
    button.setAttribute("aria-expanded", "true");
    // Beside its button, over the page: the panel would cut it off.
    const at = button.getBoundingClientRect();
    const own = menu.getBoundingClientRect();
    const rtl = document.documentElement.dir === "rtl";
    const above = at.bottom + own.height + 8 > innerHeight;
    menu.style.top = `${above ? at.top - own.height - 4 : at.bottom + 4}px`;
    menu.style.left = `${Math.max(8, rtl ? at.left : at.right - own.width)}px`;
    menu.querySelector("a, button").focus();
  };
  const furnish = () => {
    const told = [...document.querySelectorAll("#told li")].map((one) => one.textContent);
    for (const cell of document.querySelectorAll("#rows td[data-told]")) {
      cell.title = told[cell.dataset.told];
      // What an edited cell says later is its own.
      cell.removeAttribute("data-told");
    }
    for (const row of document.querySelectorAll("#rows tbody tr")) {
      const cell = row.lastElementChild;
      if (!template || cell.childElementCount) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "row-menu";
      button.setAttribute("aria-labelledby", `more ${row.querySelector("th a").id}`);
      button.setAttribute("aria-haspopup", "menu");
      button.setAttribute("aria-expanded", "false");
      cell.append(button);
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".row-menu");
    if (button) return button.getAttribute("aria-expanded") === "true" ? close(true) : open(button);
    if (menu && !menu.contains(event.target)) close(false);
  });
  document.addEventListener("keydown", (event) => {
    if (!menu) return;
    const items = [...menu.querySelectorAll("a, button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) { event.preventDefault(); items.at(to % items.length).focus(); }
    if (event.key === "Escape") { event.preventDefault(); close(true); }
    if (event.key === "Tab") close(true);
  });
  addEventListener("scroll", () => close(false), { passive: true });
  document.addEventListener("htmx:afterSwap", () => { menu = null; furnish(); });
  furnish();
})();
