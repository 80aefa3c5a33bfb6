// Fields that point to other records: the server searches while one types, codes are found among those of the page.
// Follows the ARIA combobox pattern. What is chosen of several becomes a chip.
(() => {
  let number = 0;

  // A ticked box more, made as the page says, else as a plain one.
  const addBox = (box, value, text) => {
    const blank = box.querySelector("template[data-blank]");
    const made = blank ? blank.content.firstElementChild.cloneNode(true) : document.createElement("label");
    if (!blank) {
      made.className = "check";
      const tick = document.createElement("input");
      Object.assign(tick, { type: "checkbox", name: box.dataset.many, checked: true, className: "form-check-input" });
      made.append(tick, document.createElement("bdi"));
    }
    made.querySelector("input").value = value;
    made.querySelector("bdi").textContent = text;
    for (const one of made.querySelectorAll("[aria-label]")) {
      one.setAttribute("aria-label", one.getAttribute("aria-label").replace("{name}", text));
    }
    box.querySelector("[data-boxes]").append(made);
  };
  const addChip = (box, option) => {
    const there = [...box.querySelectorAll("[data-boxes] input")].find((one) => one.value === String(option.id));
    if (there) there.checked = true;
    else addBox(box, option.id, option.text);
  };

  const asks = new WeakMap();
  const attach = (box) => {
    const input = box.querySelector("input[type=text]");
    if (!input || asks.has(input)) return;
    const key = box.querySelector("[data-chosen], [data-key]");
    const many = box.querySelector("[data-boxes]");
    const paths = box.matches(".lookup-paths");
    const list = document.createElement("ul");
    list.className = "lookup-list";
    list.id = `lookup-${number += 1}`;
    list.setAttribute("role", "listbox");
    const label = input.labels[0] ?? box.closest(".field")?.querySelector("label, .label");
    list.setAttribute("aria-label", input.getAttribute("aria-label") || label?.textContent.trim() || "");
    list.hidden = true;
    (input.closest(".lookup-box") ?? box).append(list);
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
    })) input.setAttribute(name, value);

    let options = [];
    let current = -1;
    let asked = 0;
    let timer;

    const items = () => [...list.querySelectorAll("[role=option]")];
    const close = () => {
      asked += 1;
      list.hidden = true;
      current = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const mark = (to) => {
      if (!options.length) return;
      current = (to + options.length) % options.length;
      items().forEach((item, at) => item.setAttribute("aria-selected", String(at === current)));
      items()[current].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", items()[current].id);
    };
    const choose = (option) => {
      clearTimeout(timer);
      close();
      if (box.choose) {
        box.choose(option);
      } else if (many) {
        addChip(box, option);
        input.value = "";
      } else {
        input.value = option.text;
        key.value = option.id;
      }
      input.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const itemFor = (option, at) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${at}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      const text = document.createElement("bdi");
      const above = paths ? option.text.split(" › ") : [option.text];
      text.textContent = above.pop();
      text.className = paths ? "lookup-leaf" : "";
      item.append(text);
      const detail = paths ? above.join(" › ") : option.detail;
      if (detail) {
        const more = document.createElement(paths ? "bdi" : "span");
        more.className = paths ? "lookup-above" : "meta";
        more.textContent = paths ? detail : ` ${detail}`;
        item.append(more);
      }
      item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(option); });
      return item;
    };
    const heading = (text) => {
      const item = document.createElement("li");
      item.className = "lookup-head";
      item.setAttribute("role", "presentation");
      item.textContent = text;
      return item;
    };
    const words = document.getElementById("form-words")?.dataset;
    const show = (found) => {
      options = found;
      current = -1;
      input.removeAttribute("aria-activedescendant");
      const made = found.map(itemFor);
      if (words && found[0]?.recent) made.unshift(heading(words.recent));
      if (words && !found.length && input.value.trim()) made.push(heading(words.nothing));
      list.replaceChildren(...made);
      list.hidden = !made.length;
      input.setAttribute("aria-expanded", String(made.length > 0));
    };
    const ask = async () => {
      const mine = asked += 1;
      const text = many ? input.value.split(",").pop().trim() : input.value.trim();
      if (box.find) { show(box.find(text)); return; }
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
    input.addEventListener("blur", close);
    input.addEventListener("click", () => { if (list.hidden && !input.value) ask(); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && !input.value) {
        const last = [...(box.querySelectorAll("[data-chip] [data-remove]") ?? [])].at(-1);
        if (last) { event.preventDefault(); last.click(); }
      } else if (event.key === "ArrowDown" && list.hidden) {
        event.preventDefault();
        ask();
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && (many || box.choose) && input.value.trim()) {
        // Enter adds; the form is saved by Enter only where nothing is being chosen.
        event.preventDefault();
        if (current >= 0) choose(options[current]);
        else if (options.length && !list.hidden) choose(options[0]);
        else ask();
      } else if (list.hidden) {
        return;
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        mark(current + 1);
      } else if (event.key === "ArrowUp") {
        event.preventDefault();
        mark(current - 1);
      } else if (event.key === "Enter" && current >= 0) {
        event.preventDefault();
        choose(options[current]);
      }
    });
    asks.set(input, ask);
  };

  // Fields that came later are found when they are entered.
  document.addEventListener("focusin", ({ target }) => {
    const box = target.closest?.("[data-lookup], [data-codes]");
    if (!box || !target.matches("input[type=text]")) return;
    attach(box);
    if (!target.value) asks.get(target)?.();
  });

  document.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear]");
    if (clear) {
      const box = clear.closest("[data-lookup]");
      const input = box.querySelector("input[type=text]");
      box.querySelector("[data-chosen], [data-key]").value = "";
      input.value = "";
      input.focus();
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const remove = event.target.closest("[data-remove]");
    if (remove) {
      const chip = remove.closest("[data-chip]");
      const box = chip.closest("[data-lookup], [data-codes]");
      const next = chip.nextElementSibling ?? chip.previousElementSibling;
      chip.remove();
      box.dropped?.(chip);
      const input = box.querySelector("input[type=text]");
      (event.detail === 0 && next?.querySelector("[data-remove]") || input).focus();
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });

  // Codes: chips over the lines of a textarea, which is what is sent.
  const dressCodes = (box) => {
    const area = box.querySelector("textarea");
    if (!area || area.hidden) return;
    const known = [...box.querySelectorAll("datalist option")].map((one) => ({ id: one.value, text: one.textContent }));
    const named = new Map(known.map((one) => [one.id, one.text]));
    const chips = document.createElement("div");
    chips.className = "chips";
    const from = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
    const codes = () => [...chips.children].map((one) => one.dataset.code);
    const add = (code) => {
      if (codes().includes(code)) return;
      const chip = from("code-chip");
      const text = named.has(code) ? `${named.get(code)} (${code})` : code;
      chip.dataset.code = code;
      chip.querySelector("bdi").textContent = text;
      const remove = chip.querySelector("[data-remove]");
      remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace("{name}", text));
      chips.append(chip);
    };
    const lines = area.value.split(/[\n,]/).map((one) => one.trim()).filter(Boolean);
    const write = () => {
      const same = [...codes()].sort().join("\n") === [...lines].sort().join("\n");
      area.value = (same ? lines : codes()).join("\n");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    lines.forEach(add);
    const search = from("code-add");
    const input = search.querySelector("input");
    input.dataset.focusHere = "";
    input.setAttribute("aria-describedby", area.getAttribute("aria-describedby") ?? "");
    area.hidden = true;
    box.append(chips, search);
    box.choose = (option) => { add(option.id); input.value = ""; write(); };
    box.dropped = write;
    box.find = (text) => {
      const wanted = text.toLocaleLowerCase();
      const free = known.filter((one) => !codes().includes(one.id));
      const starts = (one) => one.id.toLowerCase().startsWith(wanted) || one.text.toLocaleLowerCase().startsWith(wanted);
      const holds = (one) => one.text.toLocaleLowerCase().includes(wanted);
      const found = [...free.filter(starts), ...free.filter((one) => !starts(one) && holds(one))].slice(0, 30);
      // A code that nobody offers is taken as it is typed; the server knows whether it exists.
      if (!found.length && /^[a-z]{2,3}([-_][a-z0-9]+)*$/i.test(text)) return [{ id: text, text }];
      return found.map((one) => ({ ...one, detail: one.id }));
    };
  };
  const dress = (root) => {
    for (const box of root.querySelectorAll("[data-codes]")) dressCodes(box);
    for (const box of root.querySelectorAll("[data-lookup], [data-codes]")) attach(box);
  };
  dress(document);
  document.addEventListener("backoffice:swapped", (event) => dress(event.target));
  window.backoffice = Object.assign(window.backoffice ?? {}, { addBox });
})();
