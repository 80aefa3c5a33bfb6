// The neighbours of a record in the order of the list that led to it. The list leaves behind the keys that it showed and
// the address of the page after it; they stay in that order, whatever is saved on the way, and grow by the next page when
// one comes to their end.
(() => {
  const box = document.querySelector("[data-neighbours]");
  const form = document.querySelector("form.record-form");
  if (!box || !form) return;
  const { resource, record } = form.dataset;
  const ORDER = "list.order";
  const LIST = `list.${resource}`;

  const stored = (key) => {
    try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
  };
  const store = (key, value) => {
    try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* a full store keeps no order */ }
  };
  const read = () => {
    const list = stored(LIST);
    const order = stored(ORDER);
    const walking = order?.resource === resource && order.keys.map(String).includes(record);
    if (walking && (!list?.url || list.url === order.back)) return { ...order, keys: order.keys.map(String) };
    if (!list?.keys) return null;
    const made = { resource, keys: list.keys.map(String), next: list.next, back: list.url, total: list.count?.trim() };
    return made.keys.includes(record) ? made : null;
  };

  const more = async (order) => {
    const response = await fetch(order.next, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return order;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const keys = [...page.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id);
    const next = page.querySelector("[data-next]")?.dataset.next ?? page.querySelector(".pager [rel~=next]")?.getAttribute("href");
    return { ...order, keys: [...order.keys, ...keys.filter((key) => !order.keys.includes(key))], next: next ?? null };
  };
  const to = (key, order) => {
    const target = new URL(box.dataset.neighbours, location.href);
    target.searchParams.set("id", key);
    const back = order.back ?? new URL(location.href).searchParams.get("url");
    if (back) target.searchParams.set("url", back);
    return target.pathname + target.search;
  };
  const nextRecord = async () => {
    let order = read();
    if (!order) return null;
    const at = order.keys.indexOf(record);
    if (at === order.keys.length - 1 && order.next) {
      order = await more(order).catch(() => order);
      store(ORDER, order);
    }
    return order.keys[at + 1] ? to(order.keys[at + 1], order) : null;
  };
  window.backoffice = Object.assign(window.backoffice ?? {}, { nextRecord });

  const order = read();
  if (!order) return;
  store(ORDER, order);
  // One comes back to the row of the record that one left.
  const list = stored(LIST);
  if (list?.url === order.back) store(LIST, { ...list, opened: Number(record) });

  const at = order.keys.indexOf(record);
  // Pages further on do not know how many came before them.
  if (!/[?&](after|before|last)=/.test(order.back ?? "")) {
    const number = new Intl.NumberFormat(document.documentElement.lang);
    const count = order.total || `${number.format(order.keys.length)}${order.next ? "+" : ""}`;
    box.querySelector("[data-place]").textContent =
      box.dataset.words.replace("%(place)s", number.format(at + 1)).replace("%(count)s", count);
  }
  const link = (way, address) => {
    const one = box.querySelector(`[data-way=${way}]`);
    if (!address) return;
    one.href = address;
    one.removeAttribute("aria-disabled");
  };
  link("prev", order.keys[at - 1] && to(order.keys[at - 1], order));
  link("next", order.keys[at + 1] ? to(order.keys[at + 1], order) : order.next && "#next");
  box.querySelector("[data-way=next]").addEventListener("click", async (event) => {
    if (order.keys[at + 1] || !order.next) return;
    event.preventDefault();
    const address = await nextRecord();
    if (address) location.assign(address);
    else event.target.closest("a").setAttribute("aria-disabled", "true");
  });
  box.hidden = false;
  const back = document.querySelector("[data-back]");
  if (order.back && back) back.href = order.back;
})();
