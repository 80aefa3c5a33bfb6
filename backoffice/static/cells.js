// Cells of the list, edited in place like a spreadsheet: Enter saves and goes down, Tab saves and goes on, Escape
// restores. What cannot be saved stays in its cell and says why.
(() => {
  const page = document.getElementById("list-page");
  if (!page) return;
  const words = document.getElementById("cell-words").dataset;
  const list = () => document.getElementById("list");
  const headings = () => document.querySelector("#rows thead tr").cells;
  const heading = (cell) => headings()[cell.cellIndex];
  const field = (cell) => heading(cell).dataset.field;
  const button = (cell) => cell.querySelector(":scope > .edit");
  const rtl = () => document.documentElement.dir === "rtl";
  const editable = () =>
    [...document.querySelectorAll("#rows tbody td:has(> .edit)")].filter((cell) => cell.getClientRects().length);
  //: What was typed into a cell and is not saved, by cell.
  const unsaved = new Map();
  //: The saves of a row follow one another: each needs the version that the one before it made.
  const queues = new WeakMap();

  const valueOf = (cell) =>
    cell.dataset.value ?? /^is-(\S+)/.exec(cell.querySelector("[class^='is-']")?.className ?? "")?.[1] ?? "";

  // The cells of the columns that are edited become buttons; where no script runs they are text, and the form edits.
  const furnish = () => {
    const columns = [...(document.querySelector("#rows thead tr")?.cells ?? [])].filter((one) => "inline" in one.dataset);
    for (const row of document.querySelectorAll("#rows tbody tr")) {
      for (const { cellIndex } of columns) {
        const cell = row.cells[cellIndex];
        if (cell.matches(".fixed") || button(cell)) continue;
        const made = document.createElement("button");
        made.type = "button";
        made.className = "edit";
        made.append(...cell.childNodes);
        cell.append(made);
      }
    }
  };

  // Beside the table: its panel cuts off what is wider than a cell.
  const float = (box, cell) => {
    list().append(box);
    const at = cell.getBoundingClientRect();
    const base = list().getBoundingClientRect();
    const wanted = cell.matches(".number") !== rtl() ? at.right - base.left - box.offsetWidth : at.left - base.left;
    box.style.top = `${at.bottom - base.top - 4}px`;
    box.style.left = `${Math.max(0, Math.min(wanted, base.width - box.offsetWidth))}px`;
  };

  // The note beneath a cell: what happened, and what can be done.
  const unnote = (cell) => {
    cell.note?.remove();
    cell.note = null;
    cell.classList.remove("unsaved");
    (cell.querySelector(".cell-input") ?? button(cell))?.removeAttribute("aria-describedby");
  };
  const note = (cell, text, answers) => {
    unnote(cell);
    cell.classList.add("unsaved");
    const box = document.createElement("div");
    box.className = "cell-note";
    box.id = `note-${cell.parentElement.dataset.id}-${cell.cellIndex}`;
    box.setAttribute("role", "alert");
    const said = document.createElement("p");
    said.textContent = text;
    box.append(said);
    const buttons = document.createElement("div");
    buttons.className = "buttons";
    for (const [label, deed] of answers) {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "btn btn-sm";
      made.textContent = label;
      made.addEventListener("click", deed);
      buttons.append(made);
    }
    if (answers.length) box.append(buttons);
    float(box, cell);
    (cell.querySelector(".cell-input") ?? button(cell))?.setAttribute("aria-describedby", box.id);
    cell.note = box;
  };

  // Opening and closing.
  let choosing = null;
  const close = (cell) => {
    cell.querySelector(".cell-input")?.remove();
    button(cell).hidden = false;
    if (choosing?.cell === cell) {
      choosing.list.remove();
      choosing = null;
      button(cell).setAttribute("aria-expanded", "false");
    }
  };
  const nameOf = (cell) =>
    words.label.replace("%f", heading(cell).dataset.label).replace("%n", cell.parentElement.querySelector("th a").textContent);
  const choose = (cell) => {
    const box = document.createElement("div");
    box.className = "cell-list";
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", nameOf(cell));
    const now = unsaved.get(cell) ?? valueOf(cell);
    for (const [value, text] of JSON.parse(heading(cell).dataset.choices)) {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", String(value === now));
      option.tabIndex = -1;
      option.dataset.value = value;
      const sign = document.createElement("span");
      sign.className = `is-${value}`;
      sign.textContent = text;
      option.append(sign);
      box.append(option);
    }
    float(box, cell);
    choosing = { cell, list: box };
    button(cell).setAttribute("aria-expanded", "true");
    (box.querySelector("[aria-selected=true]") ?? box.firstElementChild).focus();
  };
  const open = (cell) => {
    // What Escape brings back is what was saved last, not what is on its way.
    if (!unsaved.has(cell)) cell.was = button(cell).innerHTML;
    if (heading(cell).dataset.choices) return choose(cell);
    const input = document.createElement("input");
    input.className = "cell-input";
    input.setAttribute("form", "");
    input.setAttribute("aria-label", nameOf(cell));
    Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off", dir: "ltr" });
    input.value = unsaved.get(cell) ?? valueOf(cell);
    button(cell).hidden = true;
    cell.append(input);
    if (cell.note) input.setAttribute("aria-describedby", cell.note.id);
    input.focus();
    input.select();
  };
  const next = (cell, down, by) => {
    const all = down ? editable().filter((one) => one.cellIndex === cell.cellIndex) : editable();
    return all[all.indexOf(cell) + by];
  };
  const go = (cell, to) => {
    close(cell);
    // A number is typed over at once; a choice waits to be opened.
    if (to && !heading(to).dataset.choices) open(to);
    else button(to ?? cell).focus();
  };

  // Saving.
  const send = async (cell, typed, more) => {
    const row = cell.parentElement;
    const body = new URLSearchParams({
      csrf_token: document.querySelector("#bulk [name=csrf_token]").value,
      id: row.dataset.id, version: row.dataset.version, [field(cell)]: typed, where: list().dataset.question, ...more,
    });
    for (const one of headings()) if (one.dataset.field) body.append("shown", one.dataset.field);
    const response = await fetch(page.dataset.cells, { method: "POST", body, headers: { Accept: "application/json" } });
    return [response, await response.json()];
  };
  const take = (cell, answer) => {
    const row = cell.parentElement;
    row.dataset.version = answer.version;
    const places = [...headings()].map((one) => one.dataset.field);
    for (const [name, drawn] of Object.entries(answer.cells)) {
      const other = row.cells[places.indexOf(name)];
      if (!other || (other !== cell && unsaved.has(other))) continue;
      (button(other) ?? other).innerHTML = drawn.html;
      if (drawn.title) other.title = drawn.title;
      else other.removeAttribute("title");
    }
    if (cell.dataset.value !== undefined) cell.dataset.value = answer.value;
    row.classList.toggle("gone", !answer.fits);
    row.querySelector(".row-note")?.remove();
    if (!answer.fits) {
      const said = document.createElement("span");
      said.className = "row-note";
      said.textContent = words.gone;
      row.querySelector("th").append(said);
    }
  };
  const save = (cell, typed, more = {}) => {
    unsaved.set(cell, typed);
    unnote(cell);
    const shown = button(cell);
    if (cell.dataset.value !== undefined) shown.textContent = typed;
    cell.classList.add("saving");
    cell.setAttribute("aria-busy", "true");
    const work = async () => {
      try {
        settle(cell, typed, ...(await send(cell, typed, more)));
      } catch {
        offline(cell, typed);
      } finally {
        cell.classList.remove("saving");
        cell.removeAttribute("aria-busy");
      }
    };
    const row = cell.parentElement;
    queues.set(row, (queues.get(row) ?? Promise.resolve()).then(work));
  };
  const settle = (cell, typed, response, answer) => {
    const mine = (more) => () => { save(cell, typed, more); button(cell).focus(); };
    if (response.ok) {
      unsaved.delete(cell);
      take(cell, answer);
      cell.classList.remove("saved");
      requestAnimationFrame(() => cell.classList.add("saved"));
      window.backoffice?.toast?.(answer.message, { undo: answer.undo });
    } else if (answer.confirm) {
      note(cell, answer.message, [[words.anyway, mine({ confirm: answer.confirm })], [words.restore, () => restore(cell)]]);
    } else if (answer.readings) {
      const both = answer.readings.map((one) => [one.shown, () => { save(cell, one.typed); button(cell).focus(); }]);
      note(cell, answer.message, both);
    } else if (response.status === 409 && answer.cells) {
      const theirs = () => { unsaved.delete(cell); unnote(cell); take(cell, answer); button(cell).focus(); };
      note(cell, answer.message, [
        [words.mine, () => { cell.parentElement.dataset.version = answer.version; mine()(); }],
        [words.theirs, theirs],
      ]);
    } else {
      note(cell, answer.message, [[words.correct, () => open(cell)], [words.restore, () => restore(cell)]]);
    }
  };
  const offline = (cell, typed) => {
    const retry = () => { removeEventListener("online", retry); if (unsaved.get(cell) === typed) save(cell, typed); };
    note(cell, words.offline, [[words.again, retry]]);
    addEventListener("online", retry);
  };
  const restore = (cell) => {
    unsaved.delete(cell);
    unnote(cell);
    const shown = button(cell);
    if (cell.was !== undefined) shown.innerHTML = cell.was;
    shown.hidden = false;
    close(cell);
    shown.focus();
  };

  const finish = (cell, typed, to) => {
    const changed = unsaved.has(cell) || typed !== valueOf(cell);
    go(cell, to);
    if (changed) save(cell, typed);
  };
  document.addEventListener("click", (event) => {
    const shown = event.target.closest("#rows td > .edit");
    const option = event.target.closest(".cell-list [role=option]");
    if (option) return finish(choosing.cell, option.dataset.value, null);
    if (choosing && !choosing.list.contains(event.target)) {
      const same = shown === button(choosing.cell);
      close(choosing.cell);
      if (same) { event.preventDefault(); return; }
    }
    if (!shown) return;
    event.preventDefault();
    open(shown.parentElement);
  });
  const KEYS = { ArrowDown: 1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const option = event.target.closest?.(".cell-list [role=option]");
    const input = event.target.matches?.(".cell-input") ? event.target : null;
    if (!option && !input) return;
    const cell = option ? choosing.cell : input.parentElement;
    const typed = option ? option.dataset.value : input.value;
    const by = event.shiftKey ? -1 : 1;
    if (event.key === "Escape") {
      event.preventDefault();
      if (option) go(cell, null);
      else restore(cell);
    } else if (event.key === "Enter" || (option && event.key === " ")) {
      event.preventDefault();
      finish(cell, typed, next(cell, true, by));
    } else if (event.key === "Tab") {
      const to = next(cell, false, by);
      if (to) event.preventDefault();
      finish(cell, typed, to);
    } else if (option) {
      const all = [...choosing.list.children];
      const at = all.indexOf(option);
      const begun = all.find((one, i) => i !== at && one.textContent.toLowerCase().startsWith(event.key.toLowerCase()));
      const to = event.key in KEYS ? all[(at + KEYS[event.key] + all.length) % all.length] : event.key.length === 1 ? begun : null;
      if (to || event.key in KEYS) event.preventDefault();
      to?.focus();
    }
  });
  // Left by mouse: what was typed is saved.
  document.addEventListener("focusout", (event) => {
    if (!event.target.matches?.(".cell-input") || event.relatedTarget?.closest(".cell-note")) return;
    const input = event.target;
    setTimeout(() => {
      if (!input.isConnected || !document.hasFocus()) return;
      const cell = input.parentElement;
      const typed = input.value;
      const changed = typed !== (unsaved.get(cell) ?? valueOf(cell));
      close(cell);
      if (changed) save(cell, typed);
    });
  });
  // Nothing that was typed is lost unseen.
  addEventListener("beforeunload", (event) => { if (unsaved.size) event.preventDefault(); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (page.contains(event.target) && unsaved.size && !confirm(words.leave)) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", () => { unsaved.clear(); choosing = null; furnish(); });
  furnish();
})();
