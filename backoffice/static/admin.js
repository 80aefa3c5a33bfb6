// The frame of every page: theme, menus, the drawer, toasts. Everything works without this file; it only makes it
// smoother.
(() => {
  const root = document.documentElement;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const post = (form, values) => {
    const body = new FormData(form);
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    return fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
  };

  // Light, dark, or as the system: a cookie, which theme.js reads.
  const theme = (value) => {
    const age = value === "system" ? 0 : 31536000;
    document.cookie = `theme=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    dispatchEvent(new Event("backoffice:theme"));
    for (const sign of document.querySelectorAll("[data-theme-sign]")) sign.hidden = sign.dataset.themeSign !== value;
    for (const button of document.querySelectorAll("[data-theme-form] [name=theme]")) {
      if (button.value === value) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  };
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-form]") || !event.submitter) return;
    event.preventDefault();
    theme(event.submitter.value);
    close(event.target.closest("details.menu"));
  });

  // Toasts go by themselves after ten seconds, unless they are read; errors stay. Three at most.
  const toasts = document.querySelector(".toasts");
  const remove = (toast) => {
    const held = toast.contains(document.activeElement);
    toast.remove();
    // Who closed it by keyboard goes on from the next one, or from the page.
    if (held) (toasts.querySelector("[data-close]") ?? document.getElementById("main")).focus();
  };
  const watch = (toast) => {
    const button = toast.querySelector("[data-close]");
    button.hidden = false;
    button.addEventListener("click", () => remove(toast));
    while (toasts.children.length > 3) {
      const all = [...toasts.children];
      (all.find((one) => one !== toast && !one.matches(".toast-error")) ?? all[0]).remove();
    }
    if (toast.classList.contains("toast-error")) return;
    let timer;
    const wait = () => {
      clearTimeout(timer);
      if (!toast.matches(":hover, :focus-within")) timer = setTimeout(() => remove(toast), 10000);
    };
    for (const name of ["mouseenter", "mouseleave", "focusin", "focusout"]) {
      // Where the focus went is known only after the event.
      toast.addEventListener(name, () => { clearTimeout(timer); setTimeout(wait); });
    }
    wait();
  };
  const SIGNS = { error: "alert-circle", warning: "alert-triangle", info: "info-circle", success: "circle-check" };
  const toast = (text, { kind = "success", undo = null } = {}) => {
    const made = document.getElementById("toast").content.firstElementChild.cloneNode(true);
    made.className = `toast-note toast-${kind}`;
    if (kind === "error") made.setAttribute("role", "alert");
    const sign = made.querySelector("use");
    sign.setAttribute("href", sign.getAttribute("href").replace(/#.*/, `#${SIGNS[kind] ?? SIGNS.success}`));
    made.querySelector("p").textContent = text;
    if (undo) made.querySelector("[name=change_set]").value = undo;
    else made.querySelector("form").remove();
    toasts.append(made);
    watch(made);
    return made;
  };
  // Those that came with the page are put in again: a live region speaks of what is added to it.
  const flashed = [...toasts.children];
  toasts.replaceChildren();
  requestAnimationFrame(() => { for (const one of flashed) { toasts.append(one); watch(one); } });

  // A toast that came with a part of a page.
  const adopt = (one) => { toasts.append(one); watch(one); };
  window.backoffice = Object.assign(window.backoffice ?? {}, { toast, theme, adopt });

  document.querySelector("[data-focus]")?.focus();

  // Menus: arrows move, Escape closes and goes back, another one or the page closes them.
  const opened = () => document.querySelectorAll("details.menu[open]");
  const close = (menu, back = true) => {
    if (!menu?.open) return;
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (back && held) menu.querySelector("summary").focus();
  };
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details.menu[open]")) return;
    for (const menu of opened()) if (!menu.contains(event.target)) close(menu, false);
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu");
    if (event.key === "Escape") {
      for (const one of opened()) close(one);
      return;
    }
    const moves = ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key);
    if (!menu || !moves || event.target.closest("input, select, textarea, [contenteditable]")) return;
    if (!menu.open && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    menu.open = true;
    const items = [...menu.querySelectorAll(".menu-body :is(a[href], button, input, select, summary)")]
      .filter((item) => !item.disabled && item.type !== "hidden" && item.getClientRects().length);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    items.at(to >= items.length ? 0 : to)?.focus();
  });
  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest("details.menu");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) close(menu, false);
  });
  document.addEventListener("click", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) close(menu, false);
  });

  // Dialogs close by their button and by a click beside them; Escape is the browser's own. What was pressed within is no
  // click beside: a choice that hangs over the edge and goes at once, a selection that ends outside, the padding.
  let beside = null;
  document.addEventListener("pointerdown", ({ target, clientX, clientY }) => {
    beside = null;
    if (!target.matches?.("dialog")) return;
    const box = target.getBoundingClientRect();
    if (clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom) beside = target;
  }, true);
  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog");
    if (!dialog) return;
    if (event.target.closest("[data-dialog-close]") || (event.target === dialog && beside === dialog)) dialog.close();
  });

  // The navigation: a drawer on narrow screens, icons alone where the person likes it so.
  const side = document.getElementById("navigation");
  if (side) {
    const open = document.querySelector(".side-open");
    const others = [...document.body.children].filter((one) => one !== side && !one.matches("script, template, dialog"));
    const drawer = (is) => {
      side.classList.toggle("open", is);
      root.classList.toggle("held", is);
      // What lies under the drawer cannot be reached: that is its focus trap.
      for (const one of others) one.inert = is;
      (is ? side.querySelector("[aria-current]") ?? side.querySelector(".side-body a") : open).focus();
    };
    open.setAttribute("role", "button");
    open.addEventListener("click", (event) => { event.preventDefault(); drawer(true); });
    open.addEventListener("keydown", (event) => {
      if (event.key === " ") { event.preventDefault(); drawer(true); }
    });
    side.querySelector(".side-close").addEventListener("click", (event) => { event.preventDefault(); drawer(false); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && side.matches(".open")) drawer(false);
    });
    document.addEventListener("pointerdown", (event) => {
      if (side.matches(".open") && !side.contains(event.target)) drawer(false);
    });
    // Wide again, as when a tablet is turned: nothing may stay out of reach.
    matchMedia("(min-width: 992px)").addEventListener("change", () => { if (side.matches(".open")) drawer(false); });

    const foot = side.querySelector(".side-foot");
    foot.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = foot.querySelector("button");
      const narrow = document.body.classList.toggle("collapsed");
      button.value = narrow ? "0" : "1";
      button.querySelector(".side-label").textContent = narrow ? foot.dataset.expand : foot.dataset.collapse;
      post(foot, { collapsed: narrow ? "1" : "0" }).catch(() => { /* only this page keeps it then */ });
    });
  }

  // The key that people know from their own keyboard.
  if (/Mac|iP(hone|ad)/.test(navigator.platform)) {
    for (const key of document.querySelectorAll("[data-modifier]")) {
      key.textContent = `⌘${key.dataset.modifier ? ` ${key.dataset.modifier}` : ""}`;
    }
  }

  // A form with unsaved changes asks before it is left.
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let changed = form.querySelector("#problems, #conflicts") !== null;
    form.addEventListener("input", () => { changed = true; });
    form.addEventListener("submit", () => { changed = false; });
    addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        form.requestSubmit(form.querySelector(".btn-primary"));
      }
    });
  }
})();
