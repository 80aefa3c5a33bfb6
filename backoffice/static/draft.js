// What was typed and not saved is kept on this device, by person, record and version, and offered when the form is opened
// again: after a crash, an ended session, a closed window. It goes with the save, by choice, and on signing out.
(() => {
  const own = window.backoffice?.form;
  if (!own) return;
  const { element: form } = own;
  const DAYS_KEPT = 30;
  const person = form.querySelector("[name=_person]").value;
  const version = Number(form.querySelector("[name=version]")?.value ?? 0);
  const record = `draft.${person}.${form.dataset.resource}.${form.dataset.record}.`;
  const mine = `${record}${version}.${form.querySelector("[name=_request]").value}`;

  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(record));
  const read = (key) => {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  };
  const isSecret = (row) => row.querySelector("input[type=password]") !== null;

  // Returns whether all that was typed is kept now.
  const keep = () => {
    const list = own.changed().filter((row) => !isSecret(row));
    try {
      if (!list.length) { localStorage.removeItem(mine); return true; }
      const fields = Object.fromEntries(list.map((row) => [row.dataset.field, own.stateOf(row)]));
      const now = Number(form.querySelector("[name=version]")?.value ?? 0);
      localStorage.setItem(mine, JSON.stringify({ at: Date.now(), version: now, fields }));
      return true;
    } catch {
      return false;
    }
  };
  const drop = () => { for (const key of keys()) localStorage.removeItem(key); };

  let timer;
  form.addEventListener("backoffice:changed", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, 400);
  });
  addEventListener("pagehide", keep);

  const textOf = (state, field) => {
    const chosen = state.filter(([, , text]) => text).map(([, , text]) => text);
    if (chosen.length) return chosen.join(", ");
    const shown = state.find(([name]) => name === `${field}.text`) ?? state.find(([name]) => name === field);
    const text = shown?.[1] ?? "";
    return /<[a-z][^>]*>/i.test(text) ? new DOMParser().parseFromString(text, "text/html").body.textContent : text;
  };
  const clip = (text) => (text.length > 160 ? `${text.slice(0, 159)}…` : text || "–");

  const offer = (key, draft, differing) => {
    const box = form.querySelector("[data-draft]");
    box.replaceChildren(document.getElementById("draft-offer").content.cloneNode(true));
    const when = box.querySelector("[data-when]");
    const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    when.textContent = when.dataset.words.replace("{when}", moment.format(draft.at));
    box.querySelector("[data-older]").hidden = draft.version === version;
    box.querySelector("tbody").replaceChildren(...differing.map((row) => {
      const field = row.dataset.field;
      const line = document.createElement("tr");
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = row.dataset.said;
      line.append(name, ...[own.stateOf(row), draft.fields[field]].map((state) => {
        const cell = document.createElement("td");
        cell.dir = "auto";
        cell.textContent = clip(textOf(state, field));
        return cell;
      }));
      return line;
    }));
    const close = () => { box.hidden = true; box.replaceChildren(); localStorage.removeItem(key); };
    box.querySelector("[data-restore]").addEventListener("click", () => {
      // Over the version that it was typed on, so that a colleague's save since then is merged, not overwritten.
      const mark = form.querySelector("[name=version]");
      if (mark) mark.value = String(draft.version);
      own.restore(Object.entries(draft.fields));
      close();
      keep();
      own.reveal(differing[0].dataset.field);
    });
    box.querySelector("[data-throw]").addEventListener("click", () => { close(); own.rows()[0]?.querySelector("input:not([type=hidden])")?.focus(); });
    box.hidden = false;
    // A page that was reloaded comes back further down.
    addEventListener("load", () => requestAnimationFrame(() => box.scrollIntoView({ block: "center" })));
  };

  const oldest = Date.now() - DAYS_KEPT * 86_400_000;
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("draft.") && (read(key)?.at ?? 0) < oldest) localStorage.removeItem(key);
  }
  const found = keys().map((key) => [key, read(key)]).sort(([, one], [, other]) => other.at - one.at);
  if (found.length && !own.held()) {
    const [key, draft] = found[0];
    const differing = own.rows().filter((row) => {
      const state = draft.fields[row.dataset.field];
      return state && own.keyOf(state) !== own.keyOf(own.stateOf(row));
    });
    if (differing.length) offer(key, draft, differing);
    else localStorage.removeItem(key);
  }
  window.backoffice.draft = { keep, drop };
})();
