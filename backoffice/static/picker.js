// A long select, `data-picker`, becomes a field that one searches by typing (ARIA combobox). The select stays what is
// sent; without this file it is what one chooses from.
(() => {
  const MOST = 50;
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("_", " ");

  const attach = (select) => {
    const all = [...select.options].map((option) => {
      const group = option.parentElement.label ?? "";
      return { option, text: option.textContent.trim(), group, words: fold(`${group} ${option.textContent}`).split(/[\s/]+/) };
    });
    const name = (one) => (one.group && one.group !== one.text ? `${one.group} / ${one.text}` : one.text);
    const chosen = () => all.find((one) => one.option === select.selectedOptions[0]) ?? all[0];

    const box = document.createElement("div");
    box.className = "lookup";
    const input = document.createElement("input");
    const list = document.createElement("ul");
    list.id = `${select.id}-list`;
    list.className = "lookup-list";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", select.labels[0].textContent.trim());
    list.hidden = true;
    input.className = "form-control form-select";
    input.type = "text";
    input.autocomplete = "off";
    input.spellcheck = false;
    const described = select.getAttribute("aria-describedby");
    for (const [key, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
      ...(described ? { "aria-describedby": described, "aria-invalid": "true" } : {}),
    })) input.setAttribute(key, value);
    // The label points to what one sees now.
    input.id = select.id;
    select.removeAttribute("id");
    select.hidden = true;
    select.before(box);
    box.append(input, list, select);

    let shown = [];
    let current = -1;
    const settle = () => { input.value = name(chosen()); };
    const close = () => {
      list.hidden = true;
      current = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const mark = (to) => {
      if (!shown.length) return;
      current = (to + shown.length) % shown.length;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === current)));
      list.children[current].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", list.children[current].id);
    };
    const choose = (one) => {
      one.option.selected = true;
      settle();
      close();
      select.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const show = (text) => {
      const wanted = fold(text).split(/[\s/]+/).filter(Boolean);
      const found = all.filter((one) => wanted.every((word) => one.words.some((own) => own.startsWith(word))));
      shown = found.slice(0, MOST);
      list.replaceChildren(...shown.map((one, at) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${at}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.textContent = name(one);
        item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(one); });
        return item;
      }));
      if (!shown.length) {
        const none = document.createElement("li");
        none.className = "muted";
        none.setAttribute("role", "option");
        none.setAttribute("aria-disabled", "true");
        none.textContent = select.dataset.nothing;
        list.append(none);
      }
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      current = -1;
      if (wanted.length) mark(0);
      else mark(Math.max(0, shown.indexOf(chosen())));
    };

    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => { if (list.hidden) show(""); });
    input.addEventListener("input", () => show(input.value));
    input.addEventListener("blur", () => { close(); settle(); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) show("");
        else mark(current + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter" && !list.hidden) {
        event.preventDefault();
        if (shown[current]) choose(shown[current]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
        settle();
      }
    });
    select.addEventListener("change", settle);
    settle();
  };

  document.querySelectorAll("select[data-picker]").forEach(attach);

  // Where this device is, when the house is elsewhere and the person has not said.
  for (const line of document.querySelectorAll("[data-zone-here]")) {
    const select = line.parentElement.querySelector("select");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const option = [...select.options].find((one) => one.value === zone);
    if (!option || option.selected) continue;
    line.querySelector("span").textContent = line.dataset.zoneHere.replace("{zone}", zone.replaceAll("_", " "));
    line.hidden = false;
    line.querySelector("button").addEventListener("click", () => {
      option.selected = true;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      line.hidden = true;
      line.parentElement.querySelector("[role=combobox]").focus();
    });
  }
})();
