// Signing in again over a page whose session has ended. Resolves to the token of the new session; to null when the person
// closes the dialog, or when somebody else signed in: what one person typed is never saved under another's name.
(() => {
  const dialog = document.getElementById("sign-in-again");
  if (!dialog) return;
  const form = dialog.querySelector("[data-sign-in]");
  const message = form.querySelector("[data-message]");
  const other = dialog.querySelector("[data-other]");
  const mine = document.querySelector("[name=_person]")?.value;
  const before = form.email.value;

  const use = (token) => {
    const places = [document, ...[...document.querySelectorAll("template")].map((one) => one.content)];
    for (const place of places) for (const one of place.querySelectorAll("[name=csrf_token]")) one.value = token;
  };

  // A token of the session that there is now. Another page of this browser may have signed in already.
  const look = async () => {
    const response = await fetch(form.action, { headers: { Accept: "application/json" } });
    return response.json();
  };

  let settle = null;
  const finish = (token) => {
    const done = settle;
    settle = null;
    if (dialog.open) dialog.close();
    done?.(token);
  };
  const arrived = (person) => {
    if (String(person.user) === mine) {
      use(person.csrf_token);
      finish(person.csrf_token);
      return;
    }
    form.hidden = true;
    other.hidden = false;
    other.querySelector("p").textContent =
      other.dataset.words.replaceAll("{name}", person.name).replaceAll("{before}", before);
    other.querySelector("button").focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector(".btn-primary");
    if (button.disabled) return;
    button.disabled = true;
    message.hidden = true;
    try {
      const body = new FormData(form);
      body.set("csrf_token", (await look()).csrf_token);
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (response.ok) {
        form.password.value = "";
        arrived(answer);
      } else {
        message.textContent = answer.message;
        message.hidden = false;
        form.password.select();
      }
    } catch {
      message.textContent = document.getElementById("form-words").dataset.offline;
      message.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  dialog.addEventListener("close", () => finish(null));
  dialog.querySelector("[data-reload]").addEventListener("click", () => window.backoffice.form.leave(location.href));

  const signIn = () => new Promise((resolve) => {
    settle = resolve;
    form.hidden = false;
    other.hidden = true;
    message.hidden = true;
    look().then((person) => {
      if (person.user) { arrived(person); if (!dialog.open && settle) dialog.showModal(); return; }
      dialog.showModal();
      form.password.focus();
    }).catch(() => { dialog.showModal(); form.password.focus(); });
  });
  window.backoffice = Object.assign(window.backoffice ?? {}, { signIn });
})();
