// Saving a form: it is sent to its own address and stays as it is, with scroll, tab and focus. A server that answers late
// or never, a lost connection and an ended session lose nothing: the same sending is tried again, under the same mark, so
// that it is done once.
(() => {
  const own = window.backoffice?.form;
  if (!own) return;
  const { element: form, words, bar, say } = own;
  const button = bar.querySelector("[data-save]");
  const label = button.querySelector("span");
  const retry = bar.querySelector("[data-retry]");
  const save = label.textContent;

  const SLOW = 3_000;
  const LATE = 30_000;
  const LONGEST = 30_000;

  let job = null;

  // While something is under way the bar says so instead of naming the changes.
  const busy = (is) => {
    if (is) bar.dataset.busy = "1";
    else delete bar.dataset.busy;
    working(is);
    own.refresh();
  };
  const working = (is) => {
    label.textContent = is ? words.saving : save;
    for (const one of form.querySelectorAll("button:not([type=button])")) {
      if (is) one.setAttribute("aria-disabled", "true");
      else one.removeAttribute("aria-disabled");
    }
  };
  const end = () => {
    clearTimeout(job?.timer);
    job = null;
    retry.hidden = true;
    busy(false);
  };
  const fail = (text) => { end(); say(text, "failed"); bar.classList.add("shown"); };

  // Again later: sooner at first, at the latest every half minute, and at once when the connection is back.
  const later = (text) => {
    const kept = window.backoffice.draft?.keep() ?? false;
    say(text === words.offline && !kept ? words.unkept : text, "waiting");
    retry.hidden = false;
    clearTimeout(job.timer);
    job.timer = setTimeout(attempt, Math.min(LONGEST, 5_000 * 2 ** job.tries));
    job.tries += 1;
    job.resting = true;
    working(false);
  };

  const attempt = async () => {
    if (!job) return;
    clearTimeout(job.timer);
    job.resting = false;
    retry.hidden = true;
    working(true);
    say(words.saving);
    const controller = new AbortController();
    const slow = setTimeout(() => say(words.slow, "waiting"), SLOW);
    const late = setTimeout(() => controller.abort(), LATE);
    let response, answer;
    try {
      response = await fetch(location.href.split("#")[0], {
        method: "POST", body: job.body, headers: { Accept: "application/json" }, signal: controller.signal,
      });
      answer = await response.json().catch(() => ({}));
    } catch {
      if (job) later(controller.signal.aborted ? words.late : words.offline);
      return;
    } finally {
      clearTimeout(slow);
      clearTimeout(late);
    }
    try {
      await take(response, answer);
    } catch (error) {
      if (!job) throw error;
      // An answer that cannot be used ends the sending, or the form would say that it saves for ever.
      fail(words.failed);
    }
  };

  const take = async (response, answer) => {
    if (answer.saved) return saved(answer);
    if (response.status === 401) return signInAgain();
    if (answer.token_failed && !job.renewed) {
      // The session is another one of the same person, or the page was open too long: once more with its token.
      job.renewed = true;
      const page = new DOMParser().parseFromString(answer.page, "text/html");
      job.body.set("csrf_token", page.querySelector("[name=csrf_token]").value);
      return attempt();
    }
    if (answer.page) return refused(answer);
    if ([502, 503, 504].includes(response.status)) return later(words.late);
    return fail(answer.message && response.status < 500 ? answer.message : words.failed);
  };

  const saved = (answer) => {
    const { sent, next } = job;
    window.backoffice.draft?.drop();
    if (answer.go) {
      own.leave(next ?? answer.go);
      return;
    }
    end();
    own.apply(answer.page, { saved: true, sent });
    window.backoffice.toast?.(answer.message, { undo: answer.undo });
  };

  const refused = (answer) => {
    const { sent } = job;
    end();
    own.apply(answer.page, { saved: false, sent });
    const first = form.querySelector("[data-part=notices] [data-focus]");
    first?.focus();
    first?.scrollIntoView({ block: "start" });
  };

  const signInAgain = async () => {
    say(words.signedOut, "waiting");
    window.backoffice.draft?.keep();
    const token = await window.backoffice.signIn?.();
    if (!job) return undefined;
    if (!token) return fail(words.signedOut);
    job.body.set("csrf_token", token);
    return attempt();
  };

  const start = ({ submitter = null, next = null } = {}) => {
    if (job) {
      // A second click while the first is under way changes nothing; while it waits, it is tried at once.
      if (job.resting) attempt();
      return;
    }
    form.dispatchEvent(new CustomEvent("backoffice:sync"));
    const body = new FormData(form);
    if (submitter?.name) body.append(submitter.name, submitter.value);
    if (next) body.append("_leave", "1");
    job = { body, next, sent: new Map(own.rows().map((row) => [row.dataset.field, own.stateOf(row)])), tries: 0 };
    busy(true);
    bar.classList.add("shown");
    attempt();
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); start({ submitter: event.submitter }); });
  retry.addEventListener("click", () => { if (job?.resting) attempt(); button.focus(); });
  addEventListener("online", () => { if (job?.resting) attempt(); });

  const another = bar.querySelector("[name=_add_another]");
  document.addEventListener("keydown", async (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key.toLowerCase() === "s" && !event.shiftKey) {
      event.preventDefault();
      start();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (another) { start({ submitter: another }); return; }
      const next = await window.backoffice.nextRecord?.();
      form.dispatchEvent(new CustomEvent("backoffice:sync"));
      if (next && !own.changed().length && !own.held()) { own.leave(next); return; }
      if (!next) window.backoffice.toast?.(words.last, { kind: "info" });
      start({ next });
    }
  }, true);
})();
