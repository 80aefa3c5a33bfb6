// Forms that the browser itself sends: each is sent once, without a connection not at all, and a late server gets a word.
(() => {
  const words = document.querySelector(".toasts").dataset;
  let sent = null;
  let timers = [];

  const settle = () => {
    timers.forEach(clearTimeout);
    sent?.removeAttribute("aria-busy");
    sent = null;
  };
  // On the window: whoever sends a form by script has said so by then.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (sent || !navigator.onLine) event.preventDefault();
    if (sent) return;
    if (!navigator.onLine) {
      backoffice.toast(words.offline, { kind: "error" });
      return;
    }
    sent = form;
    form.setAttribute("aria-busy", "true");
    timers = [
      setTimeout(() => backoffice.toast(words.waiting, { kind: "info" }), 2000),
      setTimeout(() => { settle(); backoffice.toast(words.unanswered, { kind: "warning" }); }, 30000),
    ];
  });
  // Whoever comes back to the page may send again.
  addEventListener("pageshow", settle);
})();
