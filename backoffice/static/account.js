// Passwords: look at what was typed, see that caps lock is on, sign in once.
(() => {
  for (const button of document.querySelectorAll("[data-reveal]")) {
    const input = document.getElementById(button.getAttribute("aria-controls"));
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    button.addEventListener("click", () => show(input.type === "password"));
    // A browser keeps what was typed into a field of text; a password must not be among it.
    input.form.addEventListener("submit", () => show(false));

    const caps = input.parentElement.parentElement.querySelector("[data-caps]");
    const look = (event) => { if (event.getModifierState) caps.hidden = !event.getModifierState("CapsLock"); };
    for (const name of ["keydown", "keyup"]) input.addEventListener(name, look);
    input.addEventListener("blur", () => { caps.hidden = true; });
  }

  // A second click while the server looks at the password would only count as another try.
  for (const button of document.querySelectorAll("[data-busy]")) {
    const words = button.textContent;
    button.form.addEventListener("submit", () => {
      button.textContent = button.dataset.busy;
      setTimeout(() => { button.disabled = true; });
    });
    addEventListener("pageshow", () => { button.textContent = words; button.disabled = false; });
  }
})();
