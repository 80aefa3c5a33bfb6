// Everything works without this file; it only makes it smoother.
(() => {
  const root = document.documentElement;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  root.classList.add("scripted");

  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
      document.cookie = `theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
      root.dataset.bsTheme = next;
    });
  }

  // Toasts go by themselves after ten seconds, unless they are read; errors stay.
  for (const toast of document.querySelectorAll(".toast-note")) {
    const close = toast.querySelector("[data-close]");
    close.hidden = false;
    close.addEventListener("click", () => toast.remove());
    if (toast.classList.contains("toast-error")) continue;
    let timer;
    const start = () => { timer = setTimeout(() => toast.remove(), 10000); };
    const stop = () => clearTimeout(timer);
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, stop);
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, start);
    start();
  }

  document.querySelector("[data-focus]")?.focus();

  // Menus close by Escape and by a click elsewhere.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // Ticked rows raise the bar with what can be done to them.
  const bar = document.querySelector(".bulk-bar");
  if (bar) {
    const boxes = [...document.querySelectorAll("input[name=rowid]")];
    const all = document.querySelector("[data-tick-all]");
    const count = bar.querySelector("[data-ticked]");
    const words = count.dataset.words;
    const show = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      bar.classList.toggle("has-ticks", ticked > 0);
      count.textContent = words.replace("%n", ticked);
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    };
    all.hidden = false;
    all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; show(); });
    let last = null;
    for (const box of boxes) {
      box.addEventListener("click", (event) => {
        if (event.shiftKey && last) {
          const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
          for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
        }
        last = box;
        show();
      });
    }
    addEventListener("pageshow", show);
    show();
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
