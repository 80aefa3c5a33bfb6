// Moving a category: the row goes at once, and back again when the answer is no, or none comes. Keys, menu and dialog are
// here, the mouse is in tree-drag.js; each only says where to.
(() => {
  const tree = window.backoffice?.tree;
  if (!tree?.page.dataset.move) return;
  const words = tree.page.dataset;
  const rtl = document.documentElement.dir === "rtl";
  const LATE = 3000;
  const PATIENCE = 20000;
  const chain = (item) => {
    const found = [];
    for (let one = item && tree.parent(item); one; one = tree.parent(one)) found.push(one.dataset.id);
    return found;
  };

  // Where a row stands, so that it can go back there.
  const standing = (item) => ({ list: item.parentElement, next: item.nextElementSibling });
  const stand = (item, { list, next }) => {
    const held = item.contains(document.activeElement);
    const from = item.parentElement;
    if (next?.parentElement === list) next.before(item);
    else list.append(item);
    for (const [one, by] of [[from, -1], [list, 1]]) {
      if (from === list || !one) continue;
      one.dataset.total = Number(one.dataset.total) + by;
      const owner = one.closest("li");
      if (owner) owner.dataset.children = Number(owner.dataset.children) + by;
    }
    tree.number(tree.root);
    if (held) tree.focus(item);
  };
  const listOf = (item) => {
    if (!tree.group(item)) {
      const made = document.createElement("ul");
      Object.assign(made.dataset, { parent: item.dataset.id, total: "0" });
      item.append(made);
    }
    return tree.group(item);
  };

  // Moves follow one another: each needs the versions that the one before it made. When one fails, all after it go back.
  let pending = [];
  let line = Promise.resolve();
  const giveUp = () => {
    for (const one of pending.reverse()) {
      stand(one.item, one.before);
      one.item.removeAttribute("aria-busy");
    }
    pending = [];
    tree.remember();
  };
  const send = async (move) => {
    if (!pending.includes(move)) return;
    const { item, place, counted } = move;
    const name = tree.nameOf(item);
    const late = setTimeout(() => tree.say(tree.fill(words.late, name)), LATE);
    const stop = new AbortController();
    const patience = setTimeout(() => stop.abort(), PATIENCE);
    let response;
    let answer;
    try {
      response = await tree.post(words.move, item, { parent_id: "", ...place }, stop.signal);
      answer = await response.json();
    } catch (error) {
      giveUp();
      // What was asked and is not understood, as from a server that fails, may have been done.
      const unsent = !response && error.name !== "AbortError";
      backoffice.toast(tree.fill(unsent ? words.offline : words.unanswered, name), { kind: "error" });
      return;
    } finally {
      clearTimeout(late);
      clearTimeout(patience);
    }
    if (!response.ok) {
      giveUp();
      backoffice.toast(response.status === 401 ? words.signedOut : answer.message, { kind: "error" });
      if ([404, 409].includes(response.status)) await tree.reload();
      return;
    }
    pending = pending.filter((one) => one !== move);
    if (!pending.some((one) => one.item === item)) item.removeAttribute("aria-busy");
    for (const [id, version] of Object.entries(answer.versions)) {
      const found = tree.byId(id) ?? (id === item.dataset.id ? item : null);
      if (found) found.dataset.version = version;
    }
    if (!pending.length) arrive(item, answer);
    tree.remember();
    tree.count([...new Set([...counted, ...chain(item)])].filter((id) => tree.byId(id)));
    backoffice.toast(answer.message, { undo: answer.undo, kind: answer.undo ? "success" : "info" });
  };
  // Just where the server put it: what goes in without a neighbour sorts by its name.
  const arrive = (item, answer) => {
    const owner = answer.parent ? tree.byId(answer.parent) : null;
    const list = owner ? tree.group(owner) : tree.root;
    if (!list || item.parentElement !== list) return;
    const above = answer.after ? tree.byId(answer.after) : null;
    if (answer.after && above?.parentElement !== list) return;
    const next = above ? above.nextElementSibling : list.firstElementChild;
    if (next !== item) stand(item, { list, next });
  };

  const move = (item, list, next, place) => {
    const made = { item, place, before: standing(item), counted: chain(item) };
    stand(item, { list, next });
    item.setAttribute("aria-busy", "true");
    pending.push(made);
    line = line.then(() => send(made));
    return line;
  };
  const beside = (list, item, next) => {
    const all = tree.nodes(list).filter((one) => one !== item);
    const at = next?.dataset.id ? all.indexOf(next) : all.length;
    const parent_id = list.dataset.parent === "0" ? "" : list.dataset.parent;
    if (at > 0) return { parent_id, after: all[at - 1].dataset.id };
    return all.length ? { parent_id, before: all[0].dataset.id } : { parent_id };
  };
  // A person limited to some subtrees sees them at the top, whatever they lie under: there the server says no.
  const to = (item, list, next) => move(item, list, next, beside(list, item, next));
  const into = async (item, target) => {
    const open = tree.isOpen(target) || !target.hasAttribute("aria-expanded");
    if (target.hasAttribute("aria-expanded") && !tree.group(target)) await tree.expand(target);
    const list = listOf(target);
    target.setAttribute("data-open", "");
    list.hidden = false;
    if (!open) tree.say(tree.nameOf(target));
    return move(item, list, null, { parent_id: target.dataset.id });
  };

  const searched = () => {
    if (!tree.page.hasAttribute("data-searching")) return false;
    backoffice.toast(words.searched, { kind: "info" });
    return true;
  };
  const tell = (text, item) => tree.say(tree.fill(text, tree.nameOf(item)));
  const sibling = (item, way) => {
    const found = item[way];
    return found?.dataset.id ? found : null;
  };
  const STEPS = {
    up: (item) => {
      const above = sibling(item, "previousElementSibling");
      if (above) to(item, item.parentElement, above);
      else tell(words.first, item);
    },
    down: (item) => {
      const below = sibling(item, "nextElementSibling");
      if (below) to(item, item.parentElement, below.nextElementSibling);
      else if (item.nextElementSibling) item.nextElementSibling.querySelector("a").click();
      else tell(words.last, item);
    },
    out: (item) => {
      const above = tree.parent(item);
      if (above) to(item, above.parentElement, above.nextElementSibling);
      else tell(words.top, item);
    },
    in: (item) => {
      const above = sibling(item, "previousElementSibling");
      if (above) into(item, above);
      else tell(words.first, item);
    },
  };
  const step = (item, way) => { if (!searched()) STEPS[way](item); };

  // The dialog is the page that asks the same.
  const dialog = document.getElementById("move-dialog");
  let moved = null;
  const ask = async (item) => {
    moved = item;
    const address = `${words.move}?id=${item.dataset.id}`;
    let form;
    try {
      const response = await fetch(address);
      form = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("move-form");
    } catch { form = null; }
    if (!form) { location.assign(address); return; }
    document.getElementById("move-heading").textContent = form.dataset.heading;
    dialog.querySelector(".sheet-body").replaceChildren(document.adoptNode(form));
    dialog.showModal();
    const input = dialog.querySelector("input[type=text]");
    input.focus();
    input.select();
  };
  dialog.addEventListener("click", (event) => { if (event.target.closest("a[data-dialog-close]")) event.preventDefault(); });
  dialog.addEventListener("close", () => { if (moved?.isConnected) tree.focus(moved); });
  dialog.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector(".btn-primary");
    const errors = form.querySelector(".field-errors");
    if (button.disabled) return;
    button.disabled = true;
    errors.replaceChildren();
    const problem = (text) => {
      const note = document.createElement("p");
      note.className = "error-text";
      note.setAttribute("role", "alert");
      note.textContent = text;
      errors.append(note);
      form.querySelector("input[type=text]").setAttribute("aria-invalid", "true");
      form.querySelector("input[type=text]").focus();
    };
    try {
      const body = new FormData(form);
      body.set("version", moved.dataset.version);
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (!response.ok) {
        problem(answer.message);
        if (response.status === 409) await tree.reload();
        return;
      }
      const { id } = moved.dataset;
      dialog.close();
      await tree.reload();
      moved = null;
      tree.focus(tree.byId(id) ?? tree.byId(answer.parent) ?? tree.root.querySelector("li"));
      backoffice.toast(answer.message, { undo: answer.undo, kind: answer.undo ? "success" : "info" });
    } catch {
      problem(tree.fill(words.offline, tree.nameOf(moved)));
    } finally {
      button.disabled = false;
    }
  });

  // Alt with an arrow, the letter m, and the menu.
  tree.root.addEventListener("keydown", (event) => {
    const { key, target: item } = event;
    if (item.tagName !== "LI" || !item.dataset.id || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const way = {
      ArrowUp: "up", ArrowDown: "down", ArrowLeft: rtl ? "in" : "out", ArrowRight: rtl ? "out" : "in",
    }[key];
    if (event.altKey && way) { event.preventDefault(); step(item, way); }
    if (!event.altKey && key === "m" && !tree.lettersOff) { event.preventDefault(); ask(item); }
  });
  tree.root.addEventListener("click", (event) => {
    const deed = event.target.closest("[data-deed]")?.dataset.deed;
    if (!deed || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const item = event.target.closest("li");
    if (deed === "ask" || STEPS[deed]) {
      event.preventDefault();
      event.target.closest("details").open = false;
      tree.focus(item);
      if (deed === "ask") ask(item);
      else step(item, deed);
    }
  });

  Object.assign(tree, { to, into });
})();
