// The list without loading its page again: htmx asks and swaps, this file says what is sent, what to do when nothing
// comes back, and where the focus goes. Without it the same addresses load whole pages.
(() => {
  const page = document.getElementById("list-page");
  if (!page) return;
  const form = document.getElementById("filters");
  const search = document.getElementById("q");
  const list = () => document.getElementById("list");
  const within = (event) => page.contains(event.target);

  // What is sent: nothing that is empty, and which chip is being changed, so that it stays when it holds nothing.
  document.addEventListener("htmx:configRequest", (event) => {
    const data = event.detail.formData;
    // The button that had the focus last is sent along, also when a box was ticked.
    if (event.target.closest("#display") && event.detail.triggeringEvent?.type !== "submit") {
      for (const name of ["up", "down", "reset"]) data.delete(name);
    }
    if (event.target !== form) return;
    for (const name of new Set(data.keys())) {
      const values = data.getAll(name).filter((value) => String(value).trim());
      data.delete(name);
      for (const value of values) data.append(name, value);
    }
    // Enter opens the product whose code was scanned; in the form of a chip it only applies.
    if (document.activeElement !== search) data.delete("open");
    const chip = form.querySelector("[data-chip][open]");
    if (chip) data.append("add", chip.dataset.chip);
  });
  // A search is sent while it is typed; leaving the field would send it once more.
  search.addEventListener("change", (event) => event.stopPropagation());
  // What was typed before anything listened is searched as well.
  document.addEventListener("DOMContentLoaded", () => {
    if (search.value.trim() !== search.defaultValue.trim()) htmx.trigger(form, "refine");
  });
  // A record that was chosen in a look-up is a tick more.
  form.addEventListener("input", (event) => {
    if (!event.isTrusted && event.target.closest("[data-lookup]")) htmx.trigger(form, "refine");
  });

  // A cross changes the rows too, unlike the other links of the chips; Backspace in an empty search is the last cross.
  const remove = (cross) => htmx.ajax("GET", cross.getAttribute("href"), { source: page });
  document.addEventListener("click", (event) => {
    const cross = event.target.closest(".chip-remove");
    if (!cross || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    remove(cross);
  }, true);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Backspace" || search.value || event.repeat) return;
    const last = [...document.querySelectorAll(".chip-remove")].at(-1);
    if (last) remove(last);
  });

  // A column moves at once; every other click would hit a form that is about to be replaced.
  document.addEventListener("click", (event) => {
    const mover = event.target.closest(".mover");
    if (!mover) return;
    event.preventDefault();
    const item = mover.closest("li");
    if (mover.matches(".up")) item.previousElementSibling?.before(item);
    else item.nextElementSibling?.after(item);
    const other = item.querySelector(mover.matches(".up") ? ".down" : ".up");
    (getComputedStyle(mover).visibility === "hidden" ? other : mover).focus();
    htmx.trigger(mover.form, "change");
  });

  // Under way, and gone wrong.
  let failed = null;
  const settle = () => {
    failed?.remove();
    failed = null;
    removeEventListener("online", again);
  };
  const again = () => {
    const { verb, path } = failed.request;
    htmx.ajax(verb, path, { source: page });
  };
  const fail = (request) => {
    settle();
    const offline = !navigator.onLine;
    const note = document.getElementById(offline ? "list-offline" : "list-failed").content.firstElementChild.cloneNode(true);
    note.request = request;
    note.querySelector("button").addEventListener("click", again);
    list().before(note);
    failed = note;
    if (offline) addEventListener("online", again);
  };
  const requestOf = (event) => {
    const { verb, path } = event.detail.requestConfig;
    // What could not be kept is asked for again as the page that it would have led to.
    return verb === "get"
      ? { verb: "GET", path: event.detail.pathInfo?.finalRequestPath ?? path }
      : { verb: "GET", path: location.pathname + location.search };
  };
  document.addEventListener("htmx:beforeRequest", (event) => { if (within(event)) list().setAttribute("aria-busy", "true"); });
  document.addEventListener("htmx:afterRequest", () => list().removeAttribute("aria-busy"));
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => { if (within(event)) fail(requestOf(event)); });
  }
  // What the server says besides, as on a page of its own.
  const notes = (text) => {
    if (!text.includes('class="toast-note')) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const note of page.querySelectorAll(".toasts .toast-note")) backoffice.adopt(document.adoptNode(note));
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!within(event) || event.detail.isError || event.detail.xhr.status === 204) return;
    if (/id="list(-chips|-display)?"/.test(event.detail.serverResponse)) return notes(event.detail.serverResponse);
    event.detail.shouldSwap = false;
    // The session has ended: sign in, and come back to just this list.
    if (new URL(event.detail.xhr.responseURL).pathname === "/login") location.assign(requestOf(event).path);
    else fail(requestOf(event));
  });

  // Where the focus goes when what had it was swapped away, and what a screen reader hears.
  let held = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const focus = document.activeElement;
    if (!page.contains(focus)) return;
    held = {
      id: focus.id,
      display: Boolean(focus.closest("#display")),
      chips: Boolean(focus.closest(".chips, .empty-state")),
    };
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const swapped = [event.target.id, event.detail.target?.id];
    if (!["list", "list-chips", "list-display"].some((id) => swapped.includes(id))) return;
    settle();
    // The columns stay open while one chooses among them; a browser closes the new one where the old was open.
    const display = document.querySelector("details#display");
    if (held?.display && display) display.open = true;
    const chip = form.querySelector("[data-chip][open]");
    const same = held?.id ? document.getElementById(held.id) : null;
    if (held && !page.contains(document.activeElement)) {
      if (same?.getClientRects().length && !same.matches("details")) same.focus();
      else if (held.display) display?.querySelector("summary").focus();
      else if (chip) chip.querySelector("input:not([type=hidden]), select").focus();
      else if (held.chips) search.focus();
      else list().focus({ preventScroll: true });
    }
    held = null;
    // The rows are those that were there.
    if (event.detail.target?.id !== "list") return;
    document.getElementById("list-said").textContent = list().dataset.said;
    count();
  });

  // The exact number comes by a second request.
  async function count() {
    const shown = document.getElementById("count");
    if (!shown?.dataset.more) return;
    try {
      const response = await fetch(shown.dataset.more, { headers: { Accept: "application/json" } });
      if (!response.ok) return;
      const found = await response.json();
      // Another list may have come meanwhile.
      if (!shown.isConnected) return;
      shown.textContent = found.shown;
      shown.dataset.count = found.value;
    } catch { /* "1,000+" stays true */ }
  }

  // What floats stays on the screen.
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.("#list-page details.menu[open]")) return;
    menu.classList.remove("flipped");
    const body = menu.querySelector(".chip-body, .menu-body").getBoundingClientRect();
    if (body.right > innerWidth - 8 || body.left < 8) menu.classList.add("flipped");
  }, true);

  // Forms walk the order of the list, and one comes back to the row that one left by.
  const memory = `list.${page.dataset.resource}`;
  const recall = () => {
    try { return JSON.parse(sessionStorage.getItem(memory)); } catch { return null; }
  };
  const remember = (opened) => {
    const { here, next } = list().dataset;
    const keys = [...document.querySelectorAll("tr[data-id]")].map((row) => Number(row.dataset.id));
    const kept = { url: here, keys, next: next ?? null, count: document.getElementById("count").textContent, opened, scroll: scrollY };
    try { sessionStorage.setItem(memory, JSON.stringify(kept)); } catch { /* a full store keeps no order */ }
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest("#rows tbody tr");
    if (row && event.target.closest("a[href]")) remember(Number(row.dataset.id));
  });
  document.addEventListener("submit", (event) => { if (event.target.id === "bulk") remember(null); });

  // What a cell cuts off is told in full under the pointer; written into each row it would weigh more than the cell.
  document.addEventListener("pointerover", (event) => {
    const cell = event.target.closest?.("#list td:not([title]):has(> small)");
    const path = cell?.querySelector("small");
    if (!path || (path.offsetWidth && ![cell, path].some((one) => one.scrollWidth > one.clientWidth))) return;
    cell.title = `${path.textContent} › ${cell.firstChild.textContent}`;
  });
  const back = recall();
  if (back?.scroll !== undefined && back.url === list().dataset.here) {
    // Once: the next time the list begins at its top. The way back of the browser keeps its own place.
    const { scroll, ...kept } = back;
    sessionStorage.setItem(memory, JSON.stringify(kept));
    const title = document.getElementById(`n${back.opened}`);
    title?.closest("tr").classList.add("last");
    if (performance.getEntriesByType("navigation")[0]?.type === "navigate") {
      title?.focus({ preventScroll: true });
      scrollTo(0, scroll);
    }
  }
  count();
})();
