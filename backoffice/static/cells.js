// Cells of the list, edited in place: Enter saves, Escape restores, a conflict says so.
(() => {
  const note = (form, text) => {
    form.querySelector(".cell-note")?.remove();
    if (!text) return;
    const box = document.createElement("div");
    box.className = "cell-note";
    box.setAttribute("role", "alert");
    box.textContent = text;
    form.append(box);
  };

  const take = (form, input, answer) => {
    if (!("version" in answer)) return;
    for (const other of form.closest("tr").querySelectorAll("form[data-cell] [name=version]")) {
      other.value = answer.version;
    }
    input.value = input.dataset.was = answer.value;
    for (const name of [...input.classList]) {
      if (name.startsWith("status-")) input.classList.replace(name, `status-${answer.value}`);
    }
    const shown = form.querySelector(".cell-shown");
    if (shown) shown.textContent = new DOMParser().parseFromString(answer.shown, "text/html").body.textContent;
  };

  const save = async (form, input) => {
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    note(form, "");
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
      });
      const answer = await response.json();
      if (response.ok || response.status === 409) take(form, input, answer);
      if (response.ok) {
        form.classList.remove("cell-saved");
        requestAnimationFrame(() => form.classList.add("cell-saved"));
        if (document.activeElement === input && input.tagName === "INPUT") input.blur();
      } else {
        note(form, answer.message);
      }
    } catch {
      note(form, form.closest("table").dataset.offline);
    } finally {
      delete form.dataset.busy;
    }
  };

  for (const form of document.querySelectorAll("form[data-cell]")) {
    const input = form.querySelector(".cell-input");
    input.dataset.was = input.value;
    form.addEventListener("submit", (event) => { event.preventDefault(); save(form, input); });
    input.addEventListener("change", () => { if (input.value !== input.dataset.was) save(form, input); });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      input.value = input.dataset.was;
      note(form, "");
      input.blur();
    });
  }
})();
