// What was typed and not saved stays on the device only until its person signs out.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-sign-out], form[action$='/logout']")) return;
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft.")) localStorage.removeItem(key);
});
