// Figures that were not fresh are counted in a second request; the chart is drawn from the table beneath it.
(() => {
  const root = document.documentElement;
  const token = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  let chart = null;

  const draw = () => {
    chart?.destroy();
    chart = null;
    const box = document.querySelector("[data-chart=hours]");
    const table = document.querySelector("[data-hours]");
    if (!box || !table || !globalThis.Chart) return;
    box.hidden = false;
    const rows = [...table.tBodies[0].rows];
    const links = rows.map((row) => row.querySelector("a"));
    const stacks = [...table.tHead.rows[0].cells].slice(1);
    const motion = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const grid = { color: token("--line") };
    const font = { family: getComputedStyle(box).fontFamily, size: 12 };
    const ticks = { color: token("--muted"), font };
    chart = new Chart(box.querySelector("canvas"), {
      type: "bar",
      data: {
        labels: links.map((link) => link.textContent),
        datasets: stacks.map((head, at) => ({
          label: head.textContent,
          data: rows.map((row) => Number(row.cells[at + 1].dataset.value) || null),
          // One source has one colour, whoever looks.
          backgroundColor: token(`--chart-${head.dataset.colour}`),
          minBarLength: 3,
          borderRadius: 2,
          maxBarThickness: 28,
        })),
      },
      options: {
        maintainAspectRatio: false,
        animation: motion ? { duration: 150 } : false,
        locale: root.lang,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { stacked: true, reverse: root.dir === "rtl", grid: { display: false }, ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 16 } },
          y: { stacked: true, position: root.dir === "rtl" ? "right" : "left", beginAtZero: true, grid, ticks: { ...ticks, precision: 0, maxTicksLimit: 5 } },
        },
        plugins: {
          legend: { display: stacks.length > 1, align: "start", rtl: root.dir === "rtl", labels: { color: token("--text"), font, boxWidth: 12, boxHeight: 12 } },
          tooltip: { rtl: root.dir === "rtl", titleFont: font, bodyFont: font, filter: (item) => item.raw > 0 },
        },
        onClick: (_event, hit) => { if (hit.length) location.assign(links[hit[0].index].href); },
        onHover: (event, hit) => { event.native.target.classList.toggle("pointing", hit.length > 0); },
      },
    });
  };

  const refresh = async () => {
    const board = document.querySelector("#board[data-stale]");
    if (!board) return;
    try {
      const response = await fetch(board.dataset.stale, { headers: { Accept: "text/html" } });
      if (!response.ok) return;
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#board");
      // Someone who reads with the keyboard is not thrown back to the top.
      if (fresh && !board.contains(document.activeElement)) { board.replaceWith(fresh); draw(); }
    } catch { /* the figures that are there stay, with their moment */ }
  };

  draw();
  refresh();
  new MutationObserver(draw).observe(root, { attributeFilter: ["data-bs-theme"] });
})();
