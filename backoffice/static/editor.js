// Rich text. The editor comes after the page is painted, where it is looked at; until then, and without it, the text
// stands in its textarea, which is what is sent.
(() => {
  const own = window.backoffice?.form;
  if (!own) return;
  const { element: form, words } = own;
  const editors = new Map();

  const script = (source) => new Promise((resolve, reject) => {
    const one = document.createElement("script");
    Object.assign(one, { src: source, onload: resolve, onerror: reject });
    document.head.append(one);
  });
  let loaded = null;
  const load = () => {
    loaded ??= (async () => {
      const style = document.createElement("link");
      Object.assign(style, { rel: "stylesheet", href: words.editorStyle });
      // Before our own, which lend it the colours of the house.
      document.querySelector("link[rel=stylesheet]").after(style);
      await Promise.all([
        script(words.editorScript),
        words.editorTranslation && script(words.editorTranslation),
        new Promise((resolve, reject) => Object.assign(style, { onload: resolve, onerror: reject })),
      ]);
    })();
    return loaded;
  };

  const TOOLS = {
    full: ["heading", "|", "bold", "italic", "link", "|", "bulletedList", "numberedList", "|", "blockQuote", "insertTable",
      "|", "removeFormat", "undo", "redo"],
    small: ["bold", "italic", "link", "bulletedList", "numberedList"],
  };

  // What goes out is what the house keeps: the same elements as the allow-list of the server, and nothing else.
  function HouseOutput(editor) {
    const { data, conversion } = editor;
    conversion.for("downcast").attributeToElement({ model: "italic", view: "em", converterPriority: "high" });
    data.downcastDispatcher.on("insert:table", (_event, { item }, { mapper, writer }) => {
      const table = mapper.toViewElement(item);
      if (table) writer.removeClass("table", table);
    }, { priority: "lowest" });
  }

  const settings = (box, area) => {
    const C = window.CKEDITOR;
    const heading = (level) => ({ model: `heading${level}`, view: `h${level}`, title: `Heading ${level}`, class: `ck-h${level}` });
    return {
      licenseKey: "GPL",
      plugins: [C.Essentials, C.Paragraph, C.Heading, C.Bold, C.Italic, C.Underline, C.Strikethrough, C.Link, C.AutoLink,
        C.List, C.BlockQuote, C.Table, C.TableToolbar, C.TableCaption, C.PlainTableOutput, C.HorizontalLine,
        C.RemoveFormat, C.Autoformat, C.PasteFromOffice, C.GeneralHtmlSupport],
      extraPlugins: [HouseOutput],
      toolbar: { items: TOOLS[box.dataset.editor], shouldNotGroupWhenFull: box.dataset.editor === "small" },
      heading: { options: [{ model: "paragraph", title: "Paragraph", class: "ck-p" }, heading(2), heading(3), heading(4)] },
      list: { enableListItemMarkerFormatting: false },
      table: { contentToolbar: ["tableColumn", "tableRow", "mergeTableCells", "toggleTableCaption"] },
      link: { defaultProtocol: "https://" },
      placeholder: box.dataset.hint,
      label: box.closest("[data-field]").dataset.said,
      language: { ui: document.documentElement.lang.slice(0, 2), content: box.dataset.contentLanguage || document.documentElement.lang },
      htmlSupport: {
        // What others wrote and our toolbar does not make is kept all the same.
        allow: [
          { name: /^(u|s|sub|sup|code|pre|figure|figcaption|h2|h3|h4)$/ },
          { name: "a", attributes: ["title", "hreflang", "rel"] },
          { name: "img", attributes: ["src", "alt", "width", "height"] },
          { name: "th", attributes: ["colspan", "rowspan", "scope"] },
          { name: "td", attributes: ["colspan", "rowspan"] },
          { name: "p", attributes: ["dir", "lang"] },
          { name: "ol", attributes: ["start"] },
        ],
      },
      initialData: area.value,
    };
  };

  const OUT = { skipListItemIds: true };
  const start = async (box) => {
    if (editors.has(box)) return;
    editors.set(box, null);
    const area = box.querySelector("textarea");
    try {
      await load();
      if (!box.isConnected) { editors.delete(box); return; }
      // Not over the textarea itself: it would write its own spelling there whenever the form is sent.
      const place = document.createElement("div");
      box.append(place);
      const editor = await window.CKEDITOR.ClassicEditor.create(place, settings(box, area));
      if (!box.isConnected) { editor.destroy(); editors.delete(box); return; }
      editors.set(box, editor);
      box.classList.add("editor-on");
      follow(box, area, editor);
      if (box.dataset.wanted) editor.editing.view.focus();
    } catch {
      // The textarea does the same, only less comfortably.
      box.classList.add("editor-off");
      const note = document.createElement("p");
      note.className = "help";
      note.textContent = words.editorFailed;
      box.append(note);
      if (box.dataset.wanted) area.focus();
    }
  };

  // The textarea follows. A text that is as it was when it came stays as it came, to the letter.
  const follow = (box, area, editor) => {
    const came = area.value;
    const first = editor.getData(OUT);
    let timer;
    const flush = () => {
      clearTimeout(timer);
      const now = editor.getData(OUT);
      const text = now === first ? came : now;
      if (text === area.value) return;
      area.value = text;
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    editor.model.document.on("change:data", () => { clearTimeout(timer); timer = setTimeout(flush, 200); });
    editor.ui.focusTracker.on("change:isFocused", (_event, _name, focused) => { if (!focused) flush(); });
    form.addEventListener("backoffice:sync", flush);
    box.stop = () => {
      clearTimeout(timer);
      form.removeEventListener("backoffice:sync", flush);
      return editor.destroy();
    };
  };

  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) { near.unobserve(target); start(target); }
    }
  }, { rootMargin: "300px" });
  const watch = (root) => { for (const box of root.querySelectorAll("[data-editor]")) near.observe(box); };

  const focus = (row) => {
    const box = row?.querySelector("[data-editor]");
    if (!box) return;
    box.dataset.wanted = "1";
    const editor = editors.get(box);
    if (editor) editor.editing.view.focus();
    else start(box);
  };
  form.addEventListener("backoffice:focus", (event) => focus(event.target));
  form.addEventListener("click", (event) => {
    const label = event.target.closest("label");
    if (label?.parentElement.matches("[data-field]") || event.target.closest(".editor-wait")) focus(event.target.closest("[data-field]"));
  });
  form.addEventListener("backoffice:leaving", (event) => {
    for (const box of event.target.querySelectorAll("[data-editor]")) {
      near.unobserve(box);
      box.stop?.();
      editors.delete(box);
    }
  });
  form.addEventListener("backoffice:swapped", (event) => watch(event.target));

  const begin = () => ("requestIdleCallback" in window ? requestIdleCallback(() => watch(form), { timeout: 1000 }) : setTimeout(() => watch(form), 200));
  if (document.readyState === "complete") begin();
  else addEventListener("load", begin);
})();
