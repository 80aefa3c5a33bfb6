// Everything works without this file; it only makes it smoother.
(() => {
  const secure = location.protocol === "https:" ? "; Secure" : "";

  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      document.cookie = `theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
      document.documentElement.dataset.bsTheme = next;
    });
  }

  // Toasts go by themselves after ten seconds, unless they are read, and errors stay.
  for (const toast of document.querySelectorAll(".toast-note")) {
    const close = toast.querySelector("[data-close]");
    close.hidden = false;
    close.addEventListener("click", () => toast.remove());
    if (!toast.classList.contains("toast-error")) {
      let timer;
      const start = () => { timer = setTimeout(() => toast.remove(), 10000); };
      const stop = () => clearTimeout(timer);
      for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, stop);
      for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, start);
      start();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
})();
