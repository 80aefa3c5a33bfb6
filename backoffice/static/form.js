// The form of a record: what stands in it, what of that was changed, and the bar that names it. Other scripts of the
// form build on `backoffice.form`; each row of it is a `[data-field]`.
(() => {
  const form = document.querySelector("form.record-form");
  if (!form) return;
  const words = document.getElementById("form-words").dataset;
  const counted = JSON.parse(words.changes);
  const bar = form.querySelector(".save-bar");
  const said = bar.querySelector("[data-save-said]");
  const discardButton = bar.querySelector("[data-discard]");

  // A row's state is what it would send; a third part holds what a person reads there.
  const rows = () => [...form.querySelectorAll("[data-field]")];
  const rowOf = (field) => form.querySelector(`[data-field="${CSS.escape(field)}"]`);
  const controls = (row) => [...row.querySelectorAll("input, select, textarea")].filter((one) => one.name && !one.disabled);
  const stateOf = (row) => controls(row).flatMap((one) => {
    if (one.type !== "checkbox" && one.type !== "radio") return [[one.name, one.value]];
    return one.checked ? [[one.name, one.value, one.parentElement.textContent.trim()]] : [];
  });
  const keyOf = (state) => JSON.stringify(state.map(([name, value]) => [name, value]).sort());
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  // Each row as the server made it, before other scripts work on it and whatever the browser filled in again.
  const base = new Map();
  const keep = (row, html = row.innerHTML) => base.set(row.dataset.field, { html, state: stateOf(parse(html).body) });
  for (const row of rows()) keep(row);

  const changed = () => rows().filter((row) => keyOf(stateOf(row)) !== keyOf(base.get(row.dataset.field)?.state ?? []));
  // What a page without script gave back holds what was typed as if it stood there.
  const held = () => Boolean(form.querySelector("#problems, #conflicts, #doubts"));

  // Scripts that made something of a row leave it before, and find it again after its parts were replaced.
  const tell = (row, name) => row.dispatchEvent(new CustomEvent(`backoffice:${name}`, { bubbles: true }));
  const put = (row, html, state = null) => {
    const focus = row.contains(document.activeElement) ? document.activeElement.id : "";
    tell(row, "leaving");
    row.innerHTML = html;
    if (state) fill(row, state);
    tell(row, "swapped");
    if (focus) document.getElementById(focus)?.focus();
  };
  const fill = (row, state) => {
    const values = new Map();
    for (const [name, value, text] of state) values.set(name, [...(values.get(name) ?? []), [value, text]]);
    for (const one of controls(row)) {
      const wanted = values.get(one.name) ?? [];
      const at = wanted.findIndex(([value]) => one.type === "checkbox" || one.type === "radio" ? value === one.value : true);
      if (one.type === "checkbox" || one.type === "radio") one.checked = at >= 0;
      else if (at >= 0) one.value = wanted[at][0];
      if (at >= 0) wanted.splice(at, 1);
    }
    // What was chosen since has no box yet.
    const rest = row.querySelector("[data-boxes]") ? values.get(row.dataset.field) ?? [] : [];
    for (const [value, text] of rest) window.backoffice.addBox(row, value, text);
  };
  const set = (row, state) => {
    row.classList.remove("has-error");
    put(row, base.get(row.dataset.field).html, state);
  };

  // The bar.
  const say = (text, mood = "") => {
    said.querySelector("span").textContent = text;
    said.classList.toggle("says", Boolean(text));
    for (const one of ["failed", "waiting"]) bar.classList.toggle(one, one === mood);
  };
  const summary = (list) => {
    const names = list.map((row) => row.dataset.said);
    const shown = names.length > 8 ? [...names.slice(0, 8), "…"] : names;
    return (counted[names.length] ?? counted.at(-1)).replace("{fields}", shown.join(words.separator));
  };
  let quiet = true;
  const refresh = () => {
    const list = changed();
    bar.classList.toggle("shown", list.length > 0 || held() || Boolean(bar.dataset.busy));
    discardButton.hidden = !list.length && !held();
    if (!bar.dataset.busy) say(list.length ? summary(list) : "");
    if (list.length || !quiet) form.dispatchEvent(new CustomEvent("backoffice:changed", { detail: list }));
    quiet = !list.length;
  };
  let asked = 0;
  const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; refresh(); }); };
  for (const name of ["input", "change", "backoffice:swapped"]) form.addEventListener(name, soon);

  // Discard can be taken back: nothing was sent.
  const restore = (states) => {
    for (const [field, state] of states) { const row = rowOf(field); if (row) set(row, state); }
    refresh();
  };
  const discard = () => {
    if (form.querySelector("#conflicts")) {
      // The record is not what the page began with any more.
      leave(location.href);
      return;
    }
    const list = changed();
    const states = list.map((row) => [row.dataset.field, stateOf(row)]);
    for (const row of list) set(row, null);
    form.querySelector("[data-part=notices]").replaceChildren();
    refresh();
    const toast = window.backoffice?.toast?.(JSON.parse(words.discarded)[states.length] ?? "", { kind: "info" });
    if (!toast) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn btn-sm btn-link", textContent: words.undo });
    button.addEventListener("click", () => { toast.remove(); restore(states); rowOf(states[0][0])?.querySelector(":is(input, select, textarea):not([type=hidden])")?.focus(); });
    toast.querySelector(".toast-text").append(button);
  };
  discardButton.addEventListener("click", discard);

  // What the server answers is the form as it is now. Rows that were touched since the sending stay as they are.
  const apply = (html, { saved, sent = new Map() }) => {
    const page = parse(html);
    for (const part of page.querySelectorAll("[data-part]")) {
      const here = document.querySelector(`[data-part="${part.dataset.part}"]`);
      if (here) {
        here.innerHTML = part.innerHTML;
        if (part.dataset.summary) here.dataset.summary = part.dataset.summary;
      }
    }
    const conflict = Boolean(page.querySelector("#conflicts"));
    for (const fresh of page.querySelectorAll("form.record-form [data-field]")) {
      const row = rowOf(fresh.dataset.field);
      if (row) applyRow(row, fresh, { saved, conflict, sent: sent.get(fresh.dataset.field) });
    }
    if (saved) document.title = document.title.replace(/^.*(?= · )/, page.querySelector("h1")?.textContent.trim() ?? "$&");
    tell(form, "applied");
    refresh();
  };
  const applyRow = (row, fresh, { saved, conflict, sent }) => {
    const [now, next, was] = [stateOf(row), stateOf(fresh), base.get(row.dataset.field).state].map(keyOf);
    const touched = sent !== undefined && keyOf(sent) !== now;
    const takes = saved || (conflict && now === was);
    if (takes) keep(row, fresh.innerHTML);
    const asks = fresh.querySelector("select[name$='.pick']");
    if (!touched && ((takes && next !== now) || asks)) put(row, fresh.innerHTML);
    row.classList.toggle("has-error", fresh.classList.contains("has-error"));
    row.querySelector(".field-errors")?.replaceChildren(...fresh.querySelector(".field-errors")?.childNodes ?? []);
    for (const one of fresh.querySelectorAll("[id]")) {
      const here = row.querySelector(`[id="${CSS.escape(one.id)}"]`);
      for (const name of ["aria-invalid", "aria-describedby"]) {
        if (one.hasAttribute(name)) here?.setAttribute(name, one.getAttribute(name));
        else here?.removeAttribute(name);
      }
    }
  };

  // Languages: one choice for all texts, kept for the next record.
  const tabs = form.querySelector("[data-languages]");
  const show = (language) => {
    for (const button of tabs.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-pressed", String(button.dataset.show === language));
    }
    for (const row of form.querySelectorAll("[data-language]")) row.hidden = row.dataset.language !== language;
  };
  const countErrors = () => {
    for (const count of form.querySelectorAll("[data-errors-of]")) {
      const number = form.querySelectorAll(`.has-error[data-language="${CSS.escape(count.dataset.errorsOf)}"]`).length;
      count.textContent = number || "";
      count.hidden = !number;
    }
  };
  if (tabs) {
    const known = [...tabs.querySelectorAll("[data-show]")].map((one) => one.dataset.show);
    const last = localStorage.getItem("form.language");
    tabs.hidden = false;
    show(known.includes(last) ? last : known[0]);
    countErrors();
    tabs.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show]");
      if (!button) return;
      localStorage.setItem("form.language", button.dataset.show);
      show(button.dataset.show);
    });
    form.addEventListener("backoffice:applied", countErrors);
  }
  form.classList.add("ready");

  // A link to a field brings it to light first: its language, its section.
  const reveal = (field) => {
    const row = rowOf(field);
    if (!row) return;
    if (tabs && row.dataset.language) show(row.dataset.language);
    tell(row, "reveal");
    const shown = row.querySelector("[data-focus-here]") ?? document.getElementById(`f-${field}`);
    row.scrollIntoView({ block: "nearest" });
    if (shown && !shown.hidden && shown.getClientRects().length) shown.focus();
    tell(row, "focus");
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#f-']");
    if (!link) return;
    event.preventDefault();
    reveal(decodeURIComponent(link.hash.slice(3)));
  });

  // Leaving asks where something would be lost.
  let leaving = false;
  const leave = (address) => {
    leaving = true;
    if (address === location.href) location.reload();
    else location.assign(address);
  };
  addEventListener("beforeunload", (event) => { if (!leaving && (changed().length || held())) event.preventDefault(); });

  window.backoffice = Object.assign(window.backoffice ?? {}, {
    form: {
      element: form, words, bar, rows, rowOf, stateOf, keyOf, changed, held, set, restore, say, refresh, apply,
      reveal, leave, base,
    },
  });
  if (location.hash.startsWith("#f-")) addEventListener("load", () => reveal(decodeURIComponent(location.hash.slice(3))));
  addEventListener("pageshow", refresh);
  refresh();
})();
