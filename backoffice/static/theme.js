// Runs before the first paint: takes the system's light or dark unless the person chose one.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
  const apply = () => root.setAttribute("data-bs-theme", chosen() || (system.matches ? "dark" : "light"));
  // What only works with scripts shows, what is there without them goes.
  root.classList.add("scripted");
  apply();
  system.addEventListener("change", apply);
  addEventListener("backoffice:theme", apply);
})();
