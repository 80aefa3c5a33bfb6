// Search anything: a dialog with what the server finds for this person, by the ARIA combobox pattern.
(() => {
  const dialog = document.getElementById("palette");
  const input = dialog.querySelector("[role=combobox]");
  const list = dialog.querySelector("[role=listbox]");
  const status = dialog.querySelector("[role=status]");
  const blank = dialog.querySelector("template").content.firstElementChild;

  let entries = [];
  let current = -1;
  // The text that the list answers; null while it answers none.
  let answered = null;
  let asking = new AbortController();
  let timer;

  const mark = (to) => {
    const options = list.querySelectorAll("[role=option]");
    current = options.length ? (to + options.length) % options.length : -1;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === current)));
    if (current < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", options[current].id);
      // The first one shows its heading too.
      if (current === 0) list.scrollTop = 0;
      else options[current].scrollIntoView({ block: "nearest" });
    }
  };

  const option = (entry, at) => {
    const made = blank.cloneNode(true);
    made.id = `palette-option-${at}`;
    const sign = made.querySelector("use");
    sign.setAttribute("href", sign.getAttribute("href").replace(/#.*/, `#${entry.icon}`));
    const [label, detail] = made.querySelectorAll("bdi");
    label.textContent = entry.label;
    if (entry.lang) label.lang = entry.lang;
    if (entry.detail) detail.textContent = entry.detail;
    else detail.parentElement.remove();
    made.addEventListener("click", (event) => choose(entry, event.ctrlKey || event.metaKey));
    made.addEventListener("mousemove", () => { if (entries[current] !== entry) mark(at); });
    return made;
  };

  const show = (answer) => {
    entries = answer.sections.flatMap((section) => section.entries);
    let at = 0;
    list.replaceChildren(...answer.sections.map((section, number) => {
      const group = document.createElement("div");
      const heading = document.createElement("div");
      group.setAttribute("role", "group");
      heading.id = `palette-section-${number}`;
      heading.className = "palette-heading";
      heading.textContent = section.label;
      heading.setAttribute("role", "presentation");
      group.setAttribute("aria-labelledby", heading.id);
      group.append(heading, ...section.entries.map((entry) => option(entry, at++)));
      return group;
    }));
    list.hidden = !entries.length;
    input.setAttribute("aria-expanded", String(entries.length > 0));
    say(answer.status, answer.found === 0);
    mark(0);
  };

  // Counts are heard; only what went wrong, or was not found, is also seen.
  const say = (text, seen) => {
    status.textContent = text;
    status.classList.toggle("visually-hidden", !seen);
  };

  const ask = async () => {
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    const text = input.value;
    list.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(`${dialog.dataset.source}?q=${encodeURIComponent(text)}`, {
        headers: { Accept: "application/json" },
        signal: asking.signal,
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.message);
      answered = text;
      show(answer);
      list.removeAttribute("aria-busy");
      return answer;
    } catch (error) {
      if (error.name === "AbortError") return null;
      list.removeAttribute("aria-busy");
      // A session that has ended says so itself.
      say(error instanceof SyntaxError || error instanceof TypeError ? dialog.dataset.failed : error.message, true);
      return null;
    }
  };

  const remember = (entry) => {
    if (!entry.kept) return;
    const body = new FormData();
    body.set("csrf_token", dialog.querySelector("[name=csrf_token]").value);
    body.set("chosen", entry.id);
    fetch(dialog.dataset.recent, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true })
      .catch(() => { /* it only would have come first the next time */ });
  };

  const deeds = {
    theme: (value) => window.backoffice.theme(value),
    language: (code) => {
      const button = document.querySelector(`[data-menu=language] [name=language][value="${code}"]`);
      button.form.requestSubmit(button);
    },
    keys: () => document.dispatchEvent(new Event("backoffice:keys")),
    "sign-out": () => document.querySelector("[data-sign-out]").requestSubmit(),
  };

  const choose = (entry, apart) => {
    remember(entry);
    if (apart && entry.href) {
      window.open(entry.href, "_blank", "noopener");
      return;
    }
    dialog.close();
    if (entry.href) location.assign(entry.href);
    else {
      const [deed, value] = entry.do.split(".");
      deeds[deed](value);
    }
  };

  const enter = async (apart) => {
    const text = input.value;
    if (answered === text) {
      if (entries[current]) choose(entries[current], apart);
      return;
    }
    // A scanner is faster than the answer: its code opens; anything else is shown first.
    const answer = await ask();
    if (answer?.exact && input.value === text && dialog.open) {
      const found = answer.sections.flatMap((section) => section.entries).find((one) => one.href === answer.exact);
      choose(found, apart);
    }
  };

  const open = () => {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    dialog.showModal();
    input.focus();
    input.select();
    ask();
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) open();
    else if (event.target.closest("[data-palette-close]")) dialog.close();
  });
  document.addEventListener("keydown", (event) => {
    const asked = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!asked || (event.key.toLowerCase() !== "k" && event.code !== "KeyK") || event.defaultPrevented) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") { event.preventDefault(); mark(current + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(current - 1); }
    else if (event.key === "Enter") { event.preventDefault(); enter(event.ctrlKey || event.metaKey); }
  });
  // A page that comes back from the browser's memory starts without it.
  addEventListener("pagehide", () => { if (dialog.open) dialog.close(); });
})();
