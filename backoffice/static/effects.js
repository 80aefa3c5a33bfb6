// What a form of rights would do, told while it is filled in: the form is sent as it stands to an address that changes
// nothing. A new role takes over what it starts from.
(() => {
  const own = window.backoffice?.form;
  const form = own?.element;
  if (!form?.dataset.effects) return;
  const told = form.querySelector("[data-part=effects]");
  const fields = new Set(form.dataset.effectsOf.split(","));
  const WAIT = 250;

  let timer;
  let asked = null;
  let last = "";

  const clear = () => {
    clearTimeout(timer);
    asked?.abort();
    last = "";
    told.replaceChildren();
  };
  const state = () => JSON.stringify([...fields, "name"].map((name) => {
    const row = own.rowOf(name);
    return row && own.keyOf(own.stateOf(row));
  }));
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const now = state();
    const body = new FormData(form);
    for (const one of form.querySelectorAll("input[type=password]")) body.delete(one.name);
    try {
      const response = await fetch(form.dataset.effects, {
        method: "POST", body, headers: { Accept: "application/json" }, signal,
      });
      if (!response.ok) throw new Error(response.statusText);
      const answer = await response.json();
      if (signal.aborted) return;
      last = now;
      told.innerHTML = answer.effects;
    } catch {
      if (signal.aborted) return;
      const note = document.createElement("p");
      note.className = "effects-note";
      note.textContent = form.dataset.effectsFailed;
      told.replaceChildren(note);
    }
  };

  form.addEventListener("backoffice:changed", ({ detail }) => {
    if (!detail.some((row) => fields.has(row.dataset.field))) { clear(); return; }
    if (state() === last) return;
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });

  const starts = document.querySelector("[data-starts]");
  starts?.addEventListener("change", async (event) => {
    const address = `${starts.action}?${new URLSearchParams(new FormData(starts))}`;
    const response = await fetch(address).catch(() => null);
    if (!response?.ok) { starts.submit(); return; }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const name of fields) {
      const fresh = page.querySelector(`form.record-form [data-field="${CSS.escape(name)}"]`);
      if (fresh && own.rowOf(name)) own.set(own.rowOf(name), own.stateOf(fresh));
    }
    starts.querySelector("[data-left-out]").replaceChildren(...page.querySelector("[data-left-out]").childNodes);
    event.target.focus();
  });
})();
