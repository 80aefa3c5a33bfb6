// What makes single fields easier: amounts echoed as the reader writes them, what is missing told when one leaves it,
// attributes as rows, and on a phone sections that show what is in them.
(() => {
  const own = window.backoffice?.form;
  if (!own) return;
  const { element: form, words } = own;
  const from = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

  // Errors of our own: after the first time that a field was left, and gone with the next key.
  const complain = (row, input, text) => {
    calm(row);
    const note = from("field-error");
    note.querySelector("span").textContent = text;
    row.querySelector(".field-errors").append(note);
    row.classList.add("has-error");
    input.setAttribute("aria-invalid", "true");
    if (!input.dataset.described) input.dataset.described = input.getAttribute("aria-describedby") ?? "-";
    const error = row.querySelector(".field-errors").id;
    const described = input.dataset.described === "-" ? "" : input.dataset.described;
    if (!described.includes(error)) input.setAttribute("aria-describedby", `${described} ${error}`.trim());
  };
  const calm = (row) => {
    for (const one of row.querySelectorAll("[data-own], .two-ways")) one.remove();
    if (row.querySelector(".field-errors")?.children.length) return;
    row.classList.remove("has-error");
    for (const one of row.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  };

  // Amounts, read as the server reads them.
  const { decimal, group } = form.dataset;
  const ascii = (text) => text
    .replace(/[\u00a0\u2007\u2009\u202f]/g, " ")
    .replace(/[\u061c\u200b\u200e\u200f\u202a-\u202c\u2066-\u2069\ufeff]/g, "")
    .replaceAll("．", ".").replaceAll("，", ",").replace(/[－\u2212]/g, "-").replaceAll("＋", "+")
    .replace(/[٠-٩]/g, (one) => String(one.charCodeAt(0) - 0x660))
    .replace(/[۰-۹]/g, (one) => String(one.charCodeAt(0) - 0x6f0));
  const isDigits = (text) => /^\d+$/.test(text);
  const canBeTwo = (whole, fraction) => /^[1-9]\d{0,2}$/.test(whole) && fraction.length === 3;
  const read = (typed) => {
    let text = ascii(typed).trim();
    const explicit = text.includes("٫");
    text = text.replaceAll("٫", decimal).replaceAll("٬", group.trim() || " ").replace(/^\+/, "");
    const at = text.indexOf(decimal);
    let [whole, fraction] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    if (isDigits(fraction) && canBeTwo(whole, fraction) && !explicit) {
      return { ways: [[`${whole}${fraction}`, ""], [whole, fraction]] };
    }
    const [head, ...rest] = whole.split(whole.includes(" ") || !group.trim() ? " " : group);
    if (rest.length && (!/^[1-9]\d{0,2}$/.test(head) || rest.some((part) => !/^\d{3}$/.test(part)))) return null;
    whole = head + rest.join("");
    if (!isDigits(whole || "0") || !isDigits(fraction || "0") || !(whole + fraction)) return null;
    return { whole: whole.replace(/^0+(?=\d)/, "") || "0", fraction };
  };
  const write = (whole, fraction) => {
    const cut = fraction.length > 4 ? fraction : fraction.replace(/0+$/, "");
    const shown = cut.padEnd(2, "0");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
    // One digit more where it could be read in two ways.
    return `${grouped}${decimal}${shown}${canBeTwo(whole, shown) ? "0" : ""}`;
  };
  const checkNumber = (row, input) => {
    if (!input.value.trim()) return;
    const found = read(input.value);
    if (!found) {
      complain(row, input, words.noNumber);
    } else if (found.ways) {
      ask(row, input, found.ways);
    } else {
      const text = write(found.whole, found.fraction);
      if (text !== input.value) { input.value = text; input.dispatchEvent(new Event("input", { bubbles: true })); }
    }
  };
  const ask = (row, input, ways) => {
    calm(row);
    const box = document.createElement("div");
    box.className = "two-ways";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", words.twoWays);
    const text = document.createElement("span");
    text.setAttribute("role", "alert");
    text.textContent = words.twoWays;
    box.append(text, ...ways.map(([whole, fraction]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "btn btn-sm", textContent: write(whole, fraction), dir: "ltr" });
      button.addEventListener("click", () => {
        input.value = button.textContent;
        box.remove();
        input.dispatchEvent(new Event("input", { bubbles: true }));
        input.focus();
      });
      return button;
    }));
    row.append(box);
  };

  const touched = new WeakSet();
  form.addEventListener("focusout", ({ target: input }) => {
    const row = input.closest("[data-field]");
    if (!row || !touched.has(input)) return;
    if (input.matches("[data-number]")) checkNumber(row, input);
    else if (input.required && !input.value.trim()) complain(row, input, words.fillIn);
  });
  form.addEventListener("input", ({ target: input, isTrusted }) => {
    const row = input.closest("[data-field]");
    if (!row || !isTrusted) return;
    touched.add(input);
    calm(row);
  });

  // Attributes. What is sent stays the lines of the textarea: `name = value`, a text that looks like something else in
  // quotes.
  // A number is one that is written as short as can be; 007 and 1.50 are texts.
  const shortest = (number) => {
    const [digits, power] = String(number).split("e-");
    if (power === undefined) return digits;
    const [sign, plain] = digits.startsWith("-") ? ["-", digits.slice(1)] : ["", digits];
    return `${sign}0.${"0".repeat(power - 1)}${plain.replace(".", "")}`;
  };
  const isNumber = (text) =>
    /^-?(0|[1-9]\d{0,15})$/.test(text) ? text !== "-0" && Math.abs(Number(text)) < 2 ** 53
      : /^-?(0|[1-9]\d{0,14})\.\d{0,340}[1-9]$/.test(text) && shortest(Number(text)) === text;
  const looksElse = (text) => text === "true" || text === "false" || isNumber(text) || /^".*"$/s.test(text);
  const quoted = (text) =>
    `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;
  const parseLine = (line) => {
    const at = line.indexOf("=");
    if (at < 0) return null;
    const [key, raw] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    if (raw.length > 1 && raw.startsWith('"') && raw.endsWith('"')) {
      const text = raw.slice(1, -1).replace(/\\([\\nr])/g, (_all, one) => ({ "\\": "\\", n: "\n", r: "\r" })[one]);
      return { key, kind: "text", value: text };
    }
    if (raw === "true" || raw === "false") return { key, kind: "truth", value: raw };
    return { key, kind: isNumber(raw) ? "number" : "text", value: raw };
  };
  // As documents hold it: a point, and no more digits than it needs.
  const plainNumber = (text) => {
    const plain = ascii(text).trim().replace(",", ".");
    return /^-?\d+(\.\d+)?$/.test(plain) ? shortest(Number(plain)) : null;
  };
  const writeLine = ({ key, kind, value }) => {
    if (kind === "number") return `${key} = ${plainNumber(value) ?? value.trim()}`;
    if (kind === "truth") return `${key} = ${value === "true"}`;
    const text = value.trim();
    return `${key} = ${looksElse(text) || /[\n\r]/.test(text) ? quoted(text) : text}`;
  };

  // A text of several lines needs room for them.
  const widen = (input) => {
    const area = document.createElement("textarea");
    for (const { name, value } of input.attributes) if (name !== "type") area.setAttribute(name, value);
    area.rows = 3;
    input.replaceWith(area);
  };

  const makeRows = (box) => {
    const area = box.querySelector("textarea");
    const lines = area.value.split("\n").filter((line) => line.trim());
    const parsed = lines.map(parseLine);
    // What cannot be shown in rows is corrected where it stands.
    if (parsed.includes(null)) return;
    area.hidden = true;
    const list = document.createElement("div");
    list.className = "entries-edit";
    const add = document.getElementById("entry-add").content.firstElementChild.cloneNode(true);
    add.dataset.focusHere = "";
    const none = from("entry-none");
    const collect = () => {
      const rows = [...list.querySelectorAll(".entry-row")].map((row) => {
        const kind = row.querySelector("[data-entry-kind]").value;
        const value = row.querySelector(kind === "truth" ? "[data-entry-truth]" : "[data-entry-value]").value;
        return { key: row.querySelector("[data-entry-key]").value.trim(), kind, value };
      }).filter((one) => one.key || one.value.trim());
      const same = lines.length === rows.length && rows.every((one, at) => JSON.stringify(one) === JSON.stringify(parsed[at]));
      area.value = same ? lines.join("\n") : rows.map(writeLine).join("\n");
      none.hidden = Boolean(list.children.length);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const rowFor = (one) => {
      const row = from("entry-row");
      if (/[\n\r]/.test(one.value)) widen(row.querySelector("[data-entry-value]"));
      const [key, value, truth, kind] =
        ["key", "value", "truth", "kind"].map((name) => row.querySelector(`[data-entry-${name}]`));
      key.value = one.key;
      value.value = one.kind === "truth" ? "" : one.value;
      truth.value = one.kind === "truth" ? one.value : "true";
      kind.value = one.kind;
      row.setAttribute("aria-label", one.key);
      const fit = () => {
        value.hidden = kind.value === "truth";
        truth.hidden = kind.value !== "truth";
        value.inputMode = kind.value === "number" ? "decimal" : "text";
        value.dir = kind.value === "number" ? "ltr" : "auto";
      };
      const check = () => {
        const wrong = kind.value === "number" && value.value.trim() && plainNumber(value.value) === null;
        if (wrong) complain(box.closest("[data-field]"), value, words.noNumber);
      };
      key.addEventListener("input", () => row.setAttribute("aria-label", key.value));
      value.addEventListener("focusout", check);
      kind.addEventListener("change", () => { fit(); collect(); });
      row.addEventListener("input", collect);
      row.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || !event.target.matches("input") || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        if (event.target === key) value.focus();
        else if (row.nextElementSibling) row.nextElementSibling.querySelector("input").focus();
        else add.click();
      });
      row.querySelector("[data-entry-remove]").addEventListener("click", () => {
        const next = row.nextElementSibling ?? row.previousElementSibling;
        row.remove();
        collect();
        (next?.querySelector("[data-entry-remove]") ?? add).focus();
      });
      fit();
      return row;
    };
    list.append(...parsed.map(rowFor));
    none.hidden = Boolean(list.children.length);
    add.addEventListener("click", () => {
      list.append(rowFor({ key: "", kind: "text", value: "" }));
      none.hidden = true;
      list.lastElementChild.querySelector("input").focus();
    });
    box.append(none, list, add);
  };
  const dress = (root) => { for (const box of root.querySelectorAll("[data-entries]")) makeRows(box); };
  dress(form);
  form.addEventListener("backoffice:swapped", (event) => dress(event.target));

  // Sections fold on a phone.
  const narrow = matchMedia("(max-width: 767px)");
  const tell = (section) => {
    if (section.dataset.summary) return section.dataset.summary;
    const shown = [...section.querySelectorAll("[data-field]:not([hidden])")].map((row) => {
      const chips = [...row.querySelectorAll("[data-boxes] :checked")].map((one) => one.parentElement.textContent.trim());
      if (chips.length) return chips.join(", ");
      const one = row.querySelector("textarea, select, input:not([type=hidden], [type=checkbox])");
      if (!one) return row.querySelector(".read-only")?.textContent.trim();
      if (one.matches("select")) return one.selectedOptions[0]?.textContent;
      if (one.matches(".ckeditor")) return new DOMParser().parseFromString(one.value, "text/html").body.textContent;
      return one.value.replaceAll("\n", ", ");
    });
    const told = section.querySelector(".section-body > p");
    // What helps to fill a section in says nothing of what is in it.
    if (told?.matches(".help")) return "";
    const text = shown.filter(Boolean).join(" · ") || told?.textContent.trim() || "–";
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  };
  const foldable = () => form.querySelectorAll("[data-section]:not(.section-first):has(> h2)");
  const fold = () => {
    for (const section of foldable()) {
      const head = section.querySelector("h2");
      if (!narrow.matches) {
        if (section.classList.contains("folds")) head.textContent = head.querySelector("[data-name]").textContent;
        section.classList.remove("folds", "open");
        continue;
      }
      if (section.classList.contains("folds")) continue;
      const button = from("fold");
      button.querySelector("[data-name]").textContent = head.textContent;
      head.replaceChildren(button);
      section.classList.add("folds");
      turn(section, form.dataset.record === "new" || section.querySelector(".has-error") !== null);
    }
  };
  const turn = (section, open) => {
    section.classList.toggle("open", open);
    const button = section.querySelector(".fold");
    button?.setAttribute("aria-expanded", String(open));
    if (button) button.querySelector("[data-said-here]").textContent = open ? "" : tell(section);
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest(".fold");
    if (button) turn(button.closest(".section"), button.getAttribute("aria-expanded") !== "true");
  });
  form.addEventListener("backoffice:reveal", (event) => {
    const section = event.target.closest(".folds");
    if (section) turn(section, true);
  });
  form.addEventListener("backoffice:applied", () => {
    fold();
    for (const section of form.querySelectorAll(".folds")) {
      turn(section, section.classList.contains("open") || section.querySelector(".has-error") !== null);
    }
  });
  narrow.addEventListener("change", fold);
  fold();
})();
