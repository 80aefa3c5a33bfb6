// A name changed where it stands: F2 opens it, Enter saves, Esc brings back what was there.
(() => {
  const tree = window.backoffice?.tree;
  if (!tree?.page.dataset.rename) return;
  const words = tree.page.dataset;

  const close = (item, back = true) => {
    const box = tree.row(item).querySelector(".tree-input:not(.closing)");
    if (!box) return;
    // To remove what has the focus blurs it, which would close it once more.
    box.classList.add("closing");
    box.remove();
    tree.row(item).querySelector(".tree-name").hidden = false;
    if (back) tree.focus(item);
  };
  const problem = (box, text) => {
    box.querySelector(".tree-problem")?.remove();
    const input = box.querySelector("input");
    const note = document.createElement("p");
    note.className = "tree-problem";
    note.id = `problem-${input.id}`;
    note.setAttribute("role", "alert");
    note.textContent = text;
    box.append(note);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", note.id);
  };
  const show = (item, answer) => {
    item.dataset.version = answer.version;
    item.dataset.own = answer.own;
    tree.row(item).querySelector(".tree-name bdi").textContent = answer.name;
    const row = tree.row(item);
    const source = row.querySelector(".tree-source") ?? document.createElement("bdi");
    source.className = "tree-source";
    source.textContent = answer.source;
    if (answer.source) row.querySelector(".tree-name").after(source);
    else source.remove();
    const missing = row.querySelector(".tree-missing");
    if (missing) {
      missing.textContent = answer.missing.join(" ");
      missing.hidden = !answer.missing.length;
    }
    tree.number(tree.root);
  };
  const save = async (item, box) => {
    const input = box.querySelector("input");
    if (input.readOnly) return;
    if (input.value.trim() === item.dataset.own) { close(item); return; }
    input.readOnly = true;
    try {
      const response = await tree.post(words.rename, item, { language: words.language, name: input.value });
      const answer = await response.json();
      if (answer.version && response.status !== 400) {
        show(item, answer);
        close(item, box.contains(document.activeElement));
        backoffice.toast(answer.message, { kind: response.ok ? "success" : "warning", undo: answer.undo });
        return;
      }
      problem(box, answer.message);
    } catch {
      problem(box, words.unsaved);
    }
    input.readOnly = false;
    input.focus();
  };
  const open = (item) => {
    if (!item?.dataset.id || tree.row(item).querySelector(".tree-input")) return;
    const name = tree.row(item).querySelector(".tree-name");
    const box = document.createElement("span");
    box.className = "tree-input";
    const input = document.createElement("input");
    Object.assign(input, { type: "text", id: `name-${item.dataset.id}`, value: item.dataset.own, maxLength: 300, autocomplete: "off", dir: words.direction });
    input.setAttribute("aria-label", tree.fill(words.nameLabel, tree.nameOf(item)));
    if (!item.dataset.own) input.placeholder = tree.nameOf(item);
    const mark = document.createElement("span");
    mark.className = "language-mark";
    mark.setAttribute("aria-hidden", "true");
    mark.textContent = words.mark;
    box.append(input, mark);
    name.hidden = true;
    name.after(box);
    input.focus();
    input.select();
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing) return;
      if (event.key === "Enter") { event.preventDefault(); save(item, box); }
      if (event.key === "Escape") { event.preventDefault(); close(item); }
    });
    input.addEventListener("blur", () => {
      if (box.matches(".closing") || box.querySelector(".tree-problem")) return;
      if (input.value.trim() === item.dataset.own) close(item, false);
      else save(item, box);
    });
  };

  tree.root.addEventListener("keydown", (event) => {
    const { key } = event;
    if (event.target.tagName !== "LI" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (key === "F2" || (key === "e" && !tree.lettersOff)) { event.preventDefault(); open(event.target); }
  });
  tree.root.addEventListener("click", (event) => {
    if (!event.target.closest("[data-deed=rename]")) return;
    const item = event.target.closest("li");
    event.target.closest("details").open = false;
    open(item);
  });
})();
