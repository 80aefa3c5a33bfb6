// Fields that point to other records: the server searches while one types. Follows the ARIA combobox pattern.
(() => {
  const attach = (box, index) => {
    const input = box.querySelector("input[type=text]");
    if (!input) return;
    const key = box.querySelector("[data-key]");
    const boxes = box.querySelector("[data-boxes]");
    const list = document.createElement("ul");
    list.className = "lookup-list";
    list.id = `lookup-${index}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", box.parentElement.querySelector("label, .label")?.textContent.trim() || "");
    list.hidden = true;
    box.append(list);
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
    })) input.setAttribute(name, value);

    let options = [];
    let current = -1;
    let asked = 0;
    let timer;

    const close = () => {
      list.hidden = true;
      current = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const mark = (to) => {
      current = (to + options.length) % options.length;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === current)));
      list.children[current].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", list.children[current].id);
    };
    const choose = (option) => {
      if (boxes) {
        if (![...boxes.querySelectorAll("input")].some((one) => one.value === String(option.id))) {
          const label = document.createElement("label");
          label.className = "check";
          const tick = document.createElement("input");
          Object.assign(tick, { type: "checkbox", name: box.dataset.many, value: option.id, checked: true });
          tick.className = "form-check-input";
          const text = document.createElement("bdi");
          text.textContent = option.text;
          label.append(tick, text);
          boxes.append(label);
        }
        input.value = "";
      } else {
        input.value = option.text;
        key.value = option.id;
      }
      close();
      input.dispatchEvent(new Event("input", { bubbles: true }));
      clearTimeout(timer);
    };
    const show = (found) => {
      options = found;
      list.replaceChildren(...found.map((option, at) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${at}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        const text = document.createElement("bdi");
        text.textContent = option.text;
        item.append(text);
        if (option.detail) {
          const detail = document.createElement("span");
          detail.className = "meta";
          detail.textContent = ` ${option.detail}`;
          item.append(detail);
        }
        item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(option); });
        return item;
      }));
      list.hidden = !found.length;
      input.setAttribute("aria-expanded", String(found.length > 0));
    };
    const ask = async () => {
      const mine = ++asked;
      const text = boxes ? input.value.split(",").pop().trim() : input.value.trim();
      const address = `${box.dataset.lookup}&limit=20&query=${encodeURIComponent(text)}`;
      try {
        const response = await fetch(address, { headers: { Accept: "application/json" } });
        if (response.ok && mine === asked && document.activeElement === input) show(await response.json());
      } catch { /* the typed name is resolved by the server */ }
    };

    input.addEventListener("input", (event) => {
      if (!event.isTrusted) return;
      // What is typed now counts, not what was chosen before.
      if (key) key.value = input.value.trim() ? box.querySelector("[name$='.was']").value : "";
      clearTimeout(timer);
      timer = setTimeout(ask, 150);
    });
    input.addEventListener("focus", () => { if (!input.value) ask(); });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); }
      else if (list.hidden) return;
      else if (event.key === "ArrowDown") { event.preventDefault(); mark(current + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark(current - 1); }
      else if (event.key === "Enter" && current >= 0) { event.preventDefault(); choose(options[current]); }
    });
  };

  document.querySelectorAll("[data-lookup]").forEach(attach);
})();
