// The matrix of a role: headings toggle their boxes, what is changed is also seen, and arrows walk from box to box.
(() => {
  const form = document.querySelector("form.record-form");
  if (!form?.querySelector("[data-matrix]")) return;

  const free = (boxes) => boxes.filter((one) => !one.disabled);
  const inRow = (line) => [...line.querySelectorAll("[data-verb]")];
  const inColumn = (matrix, verb) => [...matrix.querySelectorAll(`[data-verb="${CSS.escape(verb)}"]`)];
  const boxesOf = (button) => button.dataset.toggleColumn
    ? inColumn(button.closest("[data-matrix]"), button.dataset.toggleColumn)
    : inRow(button.closest("[data-line]"));

  const refresh = () => {
    for (const button of form.querySelectorAll("[data-toggle-row], [data-toggle-column]")) {
      const boxes = boxesOf(button);
      const ticked = boxes.filter((one) => one.checked).length;
      button.setAttribute("aria-pressed", !ticked ? "false" : ticked === boxes.length ? "true" : "mixed");
      button.disabled = !free(boxes).length;
    }
  };

  const follow = (box) => {
    const boxes = inRow(box.closest("[data-line]"));
    const read = boxes.find((one) => one.dataset.verb === "read");
    // What is not seen can be neither made nor mended.
    if (box.matches("[data-needs-read]") && box.checked && read && !read.disabled) read.checked = true;
    if (box === read && !read.checked) {
      for (const one of free(boxes)) if (one.matches("[data-needs-read]")) one.checked = false;
    }
  };

  form.addEventListener("change", (event) => {
    if (!event.target.matches("[data-matrix] [data-verb]")) return;
    follow(event.target);
    refresh();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-toggle-row], [data-toggle-column]");
    if (!button) return;
    const boxes = free(boxesOf(button));
    const wanted = !boxes.every((one) => one.checked);
    const before = new Map([...form.querySelectorAll("[data-verb]")].map((one) => [one, one.checked]));
    for (const one of boxes) {
      one.checked = wanted;
      follow(one);
    }
    refresh();
    if ([...before].some(([one, was]) => one.checked !== was)) button.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Up and down keep the column as far as the next line has it.
  const move = (box, key) => {
    const lines = [...box.closest("[data-matrix]").querySelectorAll("[data-line]")];
    const at = lines.indexOf(box.closest("[data-line]"));
    if (key === "ArrowUp" || key === "ArrowDown") {
      const step = key === "ArrowDown" ? 1 : -1;
      for (let next = at + step; lines[next]; next += step) {
        const found = free(inRow(lines[next])).find((one) => one.dataset.verb === box.dataset.verb);
        if (found) return found;
      }
      return null;
    }
    const row = free(inRow(lines[at]));
    const forward = (key === "ArrowRight") !== (getComputedStyle(box).direction === "rtl");
    return row[row.indexOf(box) + (forward ? 1 : -1)] ?? null;
  };
  form.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (!target.matches("[data-matrix] [data-verb]") || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(key)) return;
    event.preventDefault();
    move(target, key)?.focus();
  });

  form.addEventListener("backoffice:swapped", refresh);
  addEventListener("pageshow", refresh);
  refresh();
})();
