// The category tree: lists within lists become a tree that is walked by keys, opened on demand, searched and counted.
// Follows the ARIA tree view pattern. What the other files of the tree need stands in `backoffice.tree`.
(() => {
  const page = document.getElementById("tree-page");
  if (!page) return;
  const words = page.dataset;
  const tree = document.getElementById("tree");
  const panel = document.getElementById("tree-panel");
  const rtl = document.documentElement.dir === "rtl";
  const lettersOff = document.body.dataset.keys === "off";
  const said = document.getElementById("tree-said");
  const SHOWN_AT_ONCE = Number(words.stretch);

  const row = (item) => item.querySelector(":scope > .tree-row");
  const group = (item) => item.querySelector(":scope > ul");
  const parent = (item) => item.parentElement.closest("#tree li");
  const nodes = (list) => [...list.children].filter((one) => one.dataset.id);
  const nameOf = (item) => row(item)?.querySelector(".tree-name").textContent.trim() ?? item.textContent.trim();
  const isOpen = (item) => item.hasAttribute("data-open");
  const byId = (id) => tree.querySelector(`li[data-id="${CSS.escape(String(id))}"]`);
  const shown = () => [...tree.querySelectorAll("li")].filter((one) => !one.parentElement.closest("ul[hidden]"));
  const fill = (text, name) => text.replace("%n", () => name);
  const say = (text) => { said.textContent = ""; requestAnimationFrame(() => { said.textContent = text; }); };
  const offers = ".tree-row a, .tree-row button, .tree-row summary";

  // What assistive technology hears of the rows.
  const dress = (root) => {
    for (const item of root.querySelectorAll("li")) {
      if (item.hasAttribute("role")) continue;
      item.setAttribute("role", "treeitem");
      item.tabIndex = -1;
      const heading = item.dataset.id ? row(item) : item;
      for (const one of heading.querySelectorAll("a, button")) one.tabIndex = -1;
      if (!item.dataset.id) continue;
      const { id } = item.dataset;
      item.setAttribute("aria-labelledby", heading.querySelector(".tree-count") ? `c${id} p${id}` : `c${id}`);
      const menu = document.createElement("details");
      menu.className = "menu";
      const summary = document.createElement("summary");
      summary.tabIndex = -1;
      summary.setAttribute("aria-label", fill(words.more, nameOf(item)));
      menu.append(summary);
      heading.append(menu);
    }
    number(tree);
  };
  const number = (list, level = 1) => {
    const all = nodes(list);
    const total = Math.max(Number(list.dataset.total) || 0, all.length);
    list.setAttribute("role", list === tree ? "tree" : "group");
    all.forEach((item, at) => {
      item.setAttribute("aria-level", level);
      item.setAttribute("aria-posinset", at + 1);
      item.setAttribute("aria-setsize", total);
      const toggle = row(item).querySelector(".tree-toggle");
      const has = Number(item.dataset.children) > 0 || Boolean(group(item) && nodes(group(item)).length);
      if (has) item.setAttribute("aria-expanded", String(isOpen(item)));
      else item.removeAttribute("aria-expanded");
      if (has && !toggle.matches("a")) toggle.replaceWith(toggleOf());
      else if (!has && toggle.matches("a")) toggle.replaceWith(Object.assign(document.createElement("span"), { className: "tree-toggle" }));
      const link = row(item).querySelector("a.tree-toggle");
      link?.setAttribute("aria-label", fill(isOpen(item) ? words.close : words.open, nameOf(item)));
      if (group(item)) number(group(item), level + 1);
    });
    const more = list.querySelector(":scope > .tree-more");
    more?.setAttribute("aria-level", level);
  };
  const toggleOf = () => {
    const made = document.createElement("a");
    made.className = "tree-toggle";
    made.href = words.base;
    made.tabIndex = -1;
    return made;
  };

  // One row is in the order of Tab, with what it offers.
  let current = null;
  const settle = (item) => {
    if (current === item) return;
    for (const one of current && current.isConnected && current.dataset.id ? current.querySelectorAll(`:scope > ${offers}`) : []) one.tabIndex = -1;
    if (current) current.tabIndex = -1;
    current = item;
    if (!item) return;
    item.tabIndex = 0;
    if (item.dataset.id) for (const one of row(item).querySelectorAll("a, button, summary")) one.tabIndex = 0;
  };
  const focus = (item) => {
    if (!item) return;
    settle(item);
    item.focus({ preventScroll: true });
    (row(item) ?? item).scrollIntoView({ block: "nearest" });
  };
  tree.addEventListener("focusin", (event) => {
    const item = event.target.closest("li");
    if (item) settle(item);
  });

  // The address says what is open, so that a reload and the way back show the same.
  let searching = words.searching !== undefined ? document.getElementById("find").value : "";
  let kept = words.expanded;
  const address = () => {
    if (searching) return `?find=${encodeURIComponent(searching)}`;
    const opened = [...tree.querySelectorAll("li[data-open]")].map((one) => one.dataset.id);
    const parts = opened.length ? [`expanded=${opened.join(",")}`] : [];
    for (const list of [tree, ...tree.querySelectorAll("ul")]) {
      const times = Math.max(0, Math.ceil(nodes(list).length / SHOWN_AT_ONCE) - 1);
      for (let one = 0; one < times; one += 1) parts.push(`more=${list.dataset.parent}`);
    }
    return parts.length ? `?${parts.join("&")}` : "";
  };
  const remember = () => {
    const query = address();
    if (!searching) kept = query;
    history.replaceState(history.state, "", words.base + query);
  };

  const ask = async (query) => {
    const response = await fetch(`${words.branch}${query}`, { headers: { "X-Requested-With": "fetch" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const made = new DOMParser().parseFromString(await response.text(), "text/html").body.firstElementChild;
    return document.adoptNode(made);
  };
  const failed = () => backoffice.toast(words.failed, { kind: "error" });

  // Opening, on demand.
  const expand = async (item) => {
    if (isOpen(item) || !item.hasAttribute("aria-expanded")) return true;
    if (!group(item)) {
      const toggle = row(item).querySelector(".tree-toggle");
      toggle.classList.add("busy");
      try {
        const found = (await ask(`?parent=${item.dataset.id}`)).querySelector("ul");
        if (!group(item)) item.append(found);
        dress(item);
        count();
      } catch {
        failed();
        return false;
      } finally {
        toggle.classList.remove("busy");
      }
    }
    item.setAttribute("data-open", "");
    group(item).hidden = false;
    number(tree);
    remember();
    return true;
  };
  const collapse = (item) => {
    if (!isOpen(item)) return;
    item.removeAttribute("data-open");
    if (group(item)) group(item).hidden = true;
    number(tree);
    remember();
  };
  const more = async (item) => {
    const list = item.parentElement;
    const held = item.contains(document.activeElement);
    item.setAttribute("aria-busy", "true");
    try {
      const found = (await ask(`?parent=${list.dataset.parent}&after=${nodes(list).length}`)).querySelector("ul");
      const known = new Set(nodes(list).map((one) => one.dataset.id));
      const fresh = [...found.children].filter((one) => !known.has(one.dataset.id));
      item.replaceWith(...fresh);
      list.dataset.total = found.dataset.total;
      dress(list);
      count();
      remember();
      if (held) focus(fresh[0] ?? nodes(list).at(-1));
    } catch {
      item.removeAttribute("aria-busy");
      failed();
    }
  };

  // All of it anew, as the server has it; the row that had the focus keeps it.
  const draw = (made) => {
    const focused = document.activeElement?.closest?.("#tree li")?.dataset.id;
    const list = made.querySelector("ul");
    tree.replaceChildren(...list.children);
    tree.dataset.total = list.dataset.total;
    panel.hidden = !tree.children.length;
    document.getElementById("tree-empty").hidden = !panel.hidden;
    const notice = document.getElementById("tree-notice");
    notice.hidden = !made.dataset.notice;
    notice.querySelector("p").textContent = made.dataset.notice;
    document.getElementById("tree-found").textContent = made.dataset.said;
    current = null;
    dress(tree);
    settle(tree.querySelector("li"));
    count();
    if (focused) focus(byId(focused) ?? tree.querySelector("li"));
  };
  const reload = async () => {
    try {
      draw(await ask(searching ? `?find=${encodeURIComponent(searching)}` : address()));
    } catch {
      failed();
    }
  };

  // Searching, while one types.
  const field = document.getElementById("find");
  let timer;
  let asked = 0;
  const search = async () => {
    const text = field.value.trim();
    if (text === searching) return;
    const mine = asked += 1;
    const before = searching;
    searching = text;
    panel.setAttribute("aria-busy", "true");
    try {
      const made = await ask(text ? `?find=${encodeURIComponent(text)}` : (kept.startsWith("?") || !kept ? kept : `?expanded=${kept}`));
      if (mine !== asked) return;
      page.toggleAttribute("data-searching", Boolean(text));
      draw(made);
      remember();
      say(made.dataset.said);
    } catch {
      if (mine === asked) { searching = before; failed(); }
    } finally {
      if (mine === asked) panel.removeAttribute("aria-busy");
    }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 250); });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || !tree.children.length) return;
    event.preventDefault();
    focus(current ?? tree.querySelector("li"));
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-clear-search]")) return;
    event.preventDefault();
    field.value = "";
    field.focus();
    search();
  });

  // Products, by a second request for all rows that came.
  const count = async (ids = null) => {
    if (!words.counts) return;
    const wanted = ids ?? [...tree.querySelectorAll(".tree-count:not(.counted, .asked)")].map((one) => one.closest("li").dataset.id);
    for (let start = 0; start < wanted.length; start += SHOWN_AT_ONCE) {
      const some = wanted.slice(start, start + SHOWN_AT_ONCE);
      for (const id of some) byId(id)?.querySelector(".tree-count").classList.add("asked");
      try {
        const response = await fetch(`${words.counts}?ids=${some.join(",")}`, { headers: { Accept: "application/json" } });
        if (!response.ok) return;
        const { counts } = await response.json();
        for (const [id, found] of Object.entries(counts)) {
          const link = byId(id)?.querySelector(".tree-count");
          if (!link) continue;
          const hidden = document.createElement("span");
          hidden.className = "visually-hidden";
          hidden.textContent = `, ${found.said}`;
          const number = document.createElement("span");
          number.setAttribute("aria-hidden", "true");
          number.textContent = found.shown;
          link.replaceChildren(number, hidden);
          link.title = found.said;
          link.classList.add("counted");
          link.classList.toggle("none", found.value === 0);
        }
      } catch { /* without numbers the tree works all the same */ }
    }
  };

  // Keys.
  let typed = "";
  let typedAt = -Infinity;
  const jump = (letter, at) => {
    typed = at - typedAt < 700 ? typed + letter : letter;
    typedAt = at;
    const all = shown().filter((one) => one.dataset.id);
    const from = all.indexOf(current) + (typed.length === 1 ? 1 : 0);
    const starts = (one) => nameOf(one).toLocaleLowerCase().startsWith(typed.toLocaleLowerCase());
    focus([...all.slice(from), ...all.slice(0, from)].find(starts));
  };
  const step = (by) => {
    const all = shown();
    focus(all[Math.max(0, Math.min(all.length - 1, all.indexOf(current) + by))]);
  };
  const inward = async (item) => {
    if (!item.hasAttribute("aria-expanded")) return;
    if (!isOpen(item)) await expand(item);
    else focus(group(item)?.querySelector("li"));
  };
  const outward = (item) => { if (isOpen(item)) collapse(item); else focus(parent(item)); };
  tree.addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    if (!item || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, details[open], .menu-body")) return;
    const { key } = event;
    const at = event.target === item;
    const deed = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      ArrowRight: () => (rtl ? outward(item) : inward(item)),
      ArrowLeft: () => (rtl ? inward(item) : outward(item)),
      Home: () => focus(tree.querySelector("li")),
      End: () => focus(shown().at(-1)),
    }[key];
    if (deed) { event.preventDefault(); deed(); return; }
    if (!at) return;
    if (key === "Enter" || key === " ") {
      event.preventDefault();
      if (!item.dataset.id) more(item);
      else if (key === "Enter") row(item).querySelector(".tree-name").click();
      else if (isOpen(item)) collapse(item);
      else expand(item);
    } else if (key.length === 1 && /[\p{L}\p{N}]/u.test(key)) {
      // Some small letters are keys of the page: written as capitals they jump too.
      const taken = !lettersOff && event.timeStamp - typedAt >= 700 && ["e", "g", "m", "n"].includes(event.key);
      if (!taken) { event.preventDefault(); jump(key, event.timeStamp); }
    }
  });

  // The mouse.
  tree.addEventListener("click", (event) => {
    const toggle = event.target.closest("a.tree-toggle");
    const next = event.target.closest(".tree-more a");
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(toggle || next)) return;
    event.preventDefault();
    const item = event.target.closest("li");
    if (next) { more(item); return; }
    if (isOpen(item)) collapse(item); else expand(item);
  });

  // The menu of a row is filled when it is opened.
  tree.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.menu") || !menu.open) return;
    const item = menu.closest("li");
    if (!menu.querySelector(".menu-body")) {
      menu.append(document.getElementById("tree-menu").content.cloneNode(true));
      for (const one of menu.querySelectorAll("a")) one.href += `?${one.dataset.argument}=${item.dataset.id}`;
      for (const one of menu.querySelectorAll("button[name=id]")) one.value = item.dataset.id;
    }
    const body = menu.querySelector(".menu-body").getBoundingClientRect();
    const below = innerHeight - menu.getBoundingClientRect().bottom;
    menu.classList.toggle("up", body.height + 8 > below && menu.getBoundingClientRect().top > body.height + 60);
  }, true);
  document.getElementById("tree-deeds").addEventListener("submit", (event) => {
    event.target.elements.url.value = location.pathname + location.search;
  });

  // What is asked of a category goes with the version in which it is shown.
  const post = (address, item, values, signal) => {
    const body = new FormData();
    const token = document.querySelector("#tree-deeds [name=csrf_token]").value;
    const sent = { csrf_token: token, id: item.dataset.id, version: item.dataset.version, ...values };
    for (const [name, value] of Object.entries(sent)) body.set(name, value);
    return fetch(address, { method: "POST", body, headers: { Accept: "application/json" }, signal });
  };

  window.backoffice = Object.assign(window.backoffice ?? {}, {
    tree: { page, root: tree, row, group, parent, nodes, nameOf, isOpen, byId, dress, number, focus, expand, remember, reload, count, fill, say, post, lettersOff },
  });
  dress(tree);
  settle(tree.querySelector("li"));
  count();
})();
