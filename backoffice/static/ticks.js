// Ticked rows: one by one, a range with Shift, all of a page; they stay ticked over sorting and paging, and raise the
// bar with what can be done to them.
(() => {
  const page = document.getElementById("list-page");
  if (!page) return;
  const store = `ticks.${page.dataset.resource}`;
  const list = () => document.getElementById("list");
  const boxes = () => [...document.querySelectorAll("#rows [name=rowid]")];
  // The same rows in another order are the same question.
  const question = () => {
    const asked = new URLSearchParams(list().dataset.question);
    asked.delete("sort");
    return asked.toString();
  };
  let ticked = new Set();
  let last = null;

  const load = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(store));
      ticked = new Set(kept?.question === question() ? kept.keys : []);
    } catch { ticked = new Set(); }
  };
  const keep = () => {
    try { sessionStorage.setItem(store, JSON.stringify({ question: question(), keys: [...ticked] })); } catch { /* only this page */ }
  };
  const show = () => {
    const bar = document.querySelector(".bulk-bar");
    const all = document.querySelector("[data-tick-all]");
    if (!bar) return;
    const here = boxes();
    for (const box of here) box.checked = ticked.has(box.value);
    const held = here.filter((box) => box.checked).length;
    if (all) {
      all.hidden = false;
      all.checked = held > 0 && held === here.length;
      all.indeterminate = held > 0 && held < here.length;
    }
    bar.classList.toggle("has-ticks", ticked.size > 0);
    const words = bar.querySelector("[data-ticked]");
    words.textContent = words.dataset.words.replace("%n", ticked.size.toLocaleString(document.documentElement.lang));
    bar.querySelector("[data-clear]").hidden = false;
  };
  const tick = (box, on) => {
    if (on) ticked.add(box.value);
    else ticked.delete(box.value);
  };
  const range = (to, on) => {
    const here = boxes();
    const from = here.findIndex((box) => box.value === last);
    const at = here.indexOf(to);
    if (from < 0) return tick(to, on);
    for (const box of here.slice(Math.min(from, at), Math.max(from, at) + 1)) tick(box, on);
  };
  const change = (box, on, ranged) => {
    if (ranged) range(box, on);
    else tick(box, on);
    last = box.value;
    keep();
    show();
  };
  const clear = () => {
    ticked.clear();
    keep();
    show();
  };

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("#rows [name=rowid]");
    if (box) change(box, box.checked, event.shiftKey);
    if (event.target.closest?.("[data-clear]")) { clear(); document.querySelector("#rows tbody a")?.focus(); }
  });
  // A range is ticked, not selected as text.
  document.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest("#rows td > label")) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-tick-all]")) return;
    for (const box of boxes()) tick(box, event.target.checked);
    keep();
    show();
  });
  // Enter in a box would send the form by its first button.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("#rows input[type=checkbox]")) event.preventDefault();
    if (event.key !== "Escape" || event.defaultPrevented || !ticked.size) return;
    if (document.querySelector("dialog[open], details.menu[open], .cell-input, .row-menu[aria-expanded=true]")) return;
    if (event.target.matches?.("input:not([type=checkbox]), textarea, select") && event.target.value) return;
    clear();
  });
  // Rows of other pages are sent along.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "bulk" || event.submitter?.name !== "action") return;
    const here = new Set(boxes().map((box) => box.value));
    for (const key of ticked) {
      if (here.has(key)) continue;
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: "rowid", value: key });
      event.target.append(input);
    }
    ticked.clear();
    keep();
  });
  const fresh = () => { load(); show(); };
  document.addEventListener("htmx:afterSwap", fresh);
  // A page that comes back from the browser's own cache shows what was ticked since.
  addEventListener("pageshow", fresh);
  document.addEventListener("list:tick", (event) => {
    const box = event.target.querySelector("[name=rowid]");
    if (box) change(box, !ticked.has(box.value), event.detail.range);
  });
  fresh();
})();
