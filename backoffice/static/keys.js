// Keys: `?` lists them, `g` and a letter go to a page, and whatever carries `data-key` is reached by that key.
// A page declares its keys as `data-key="n" data-key-label="Add product"`; several keys of one deed are parted by spaces,
// and an element that is no control only says in the list what the page's own script does.
(() => {
  const dialog = document.getElementById("keys");
  const blank = dialog.querySelector("template").content.firstElementChild;
  const lettersOff = document.body.dataset.keys === "off";
  dialog.querySelector(`[data-letters=${lettersOff ? "off" : "on"}]`).hidden = false;
  const CONTROL = "a[href], button, input, select, textarea, summary";

  const row = (keys, label) => {
    const made = blank.cloneNode(true);
    for (const key of keys) {
      for (const part of key.split("+").filter(Boolean)) {
        const cap = document.createElement("kbd");
        cap.textContent = part;
        made.querySelector("dt").append(cap);
      }
    }
    made.querySelector("dd").textContent = label;
    return made;
  };

  const list = () => {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    const own = [...document.querySelectorAll("[data-key][data-key-label]")];
    const here = own.map((one) => row(one.dataset.key.split(" "), one.dataset.keyLabel));
    // A key that the page uses itself does nothing else here.
    const taken = new Set(own.flatMap((one) => one.dataset.key.split(" ")));
    for (const one of dialog.querySelectorAll("[data-everywhere]")) one.hidden = taken.has(one.dataset.everywhere);
    const section = dialog.querySelector("[data-keys-here]");
    section.hidden = !here.length;
    section.querySelector("dl").replaceChildren(...here);
    const links = [...document.querySelectorAll("a[data-go]")];
    dialog.querySelector("[data-keys-go] dl").replaceChildren(
      ...links.map((link) => row(["g", link.dataset.go], link.textContent.trim())),
    );
    dialog.showModal();
  };

  // The name of a key, by its letter; on a keyboard of other letters, by its place.
  const nameOf = (event) => {
    let key = event.key;
    if (/^[^\u0000-\u007f]$/.test(key)) {
      key = event.code === "Slash" ? (event.shiftKey ? "?" : "/") : (/^Key(.)$/.exec(event.code)?.[1] ?? key);
    }
    return /^[a-z]$/i.test(key) ? `${event.shiftKey ? "Shift+" : ""}${key.toLowerCase()}` : key;
  };

  const isTyping = (target) =>
    target.isContentEditable ||
    target.matches?.("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])");

  const reach = (name) => {
    const found = [...document.querySelectorAll("[data-key]")].filter(
      (one) => one.dataset.key.split(" ").includes(name) && one.matches(CONTROL) && one.getClientRects().length,
    );
    // What the page offers comes before what the frame does.
    const one = found.find((item) => item.closest("main")) ?? found[0];
    if (!one) return false;
    if (one.matches("input, select, textarea")) one.focus();
    else one.click();
    return true;
  };

  let leader = 0;
  document.addEventListener("keydown", (event) => {
    if (lettersOff || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    const led = event.timeStamp - leader < 1500;
    leader = 0;
    if (led) {
      const link = document.querySelector(`a[data-go="${CSS.escape(name)}"]`);
      if (link) { event.preventDefault(); link.click(); return; }
    }
    if (name === "g") { leader = event.timeStamp; return; }
    if (name === "?") { event.preventDefault(); list(); return; }
    if (name.replace("Shift+", "").length === 1 && reach(name)) event.preventDefault();
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-keys-open]")) list(); });
  document.addEventListener("backoffice:keys", list);
})();
