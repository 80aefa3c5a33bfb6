// Colleagues who have the same record open are named beside the title, before two of them change the same thing.
(() => {
  const own = window.backoffice?.form;
  if (!own?.element.dataset.presence) return;
  const { element: form, words } = own;
  const EVERY = 20_000;
  const address = form.dataset.presence;
  const place = document.querySelector("[data-colleagues]");
  const body = (more = {}) => {
    const data = new FormData();
    data.set("csrf_token", form.querySelector("[name=csrf_token]").value);
    data.set("id", form.dataset.record);
    for (const [name, value] of Object.entries(more)) data.set(name, value);
    return data;
  };
  // Only while the page is looked at: a forgotten tab is no colleague.
  const ping = async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(address, { method: "POST", body: body(), headers: { Accept: "application/json" } });
      if (!response.ok) return;
      const answer = await response.json();
      const later = answer.version > Number(form.querySelector("[name=version]")?.value);
      const said = later ? words.changedSince : answer.said;
      place.hidden = !said;
      const text = place.querySelector("span");
      if (text.textContent !== said) text.textContent = said;
    } catch { /* the next one tells */ }
  };
  ping();
  setInterval(ping, EVERY);
  document.addEventListener("visibilitychange", ping);
  addEventListener("pagehide", () => navigator.sendBeacon?.(address, body({ left: "1" })));
})();
