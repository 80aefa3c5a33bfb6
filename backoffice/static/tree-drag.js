// Moving by mouse and touch. SortableJS lifts the row by its grip; where it lands is worked out here: the upper quarter of a
// row is before it, the lower quarter after it, what lies between is into it.
(() => {
  const tree = window.backoffice?.tree;
  if (!tree?.to || !window.Sortable) return;
  const HOVER = 700;
  const SIGNS = ["drop-before", "drop-after", "drop-into"];
  let dragged = null;
  let goal = null;
  let timer;

  const unmark = () => { for (const one of tree.root.querySelectorAll(".drop-before, .drop-after, .drop-into")) one.classList.remove(...SIGNS); };
  const aim = (item, where) => {
    if (goal?.item === item && goal.where === where) return;
    unmark();
    clearTimeout(timer);
    goal = item ? { item, where } : null;
    if (!item) return;
    item.classList.add(`drop-${where}`);
    // What is pointed at for a while opens.
    if (where === "into" && item.getAttribute("aria-expanded") === "false") timer = setTimeout(() => tree.expand(item), HOVER);
  };
  const follow = (event) => {
    const { clientX, clientY } = event.touches?.[0] ?? event;
    const row = document.elementFromPoint(clientX, clientY)?.closest("#tree .tree-row");
    const item = row?.closest("li");
    if (!item?.dataset.id || dragged.contains(item)) { aim(null); return; }
    const box = row.getBoundingClientRect();
    const share = (clientY - box.top) / box.height;
    aim(item, share < 0.25 ? "before" : share > 0.75 ? "after" : "into");
  };
  const cancel = (event) => { if (event.key === "Escape") { aim(null); stop(); } };
  const stop = () => {
    document.removeEventListener("pointermove", follow);
    document.removeEventListener("touchmove", follow);
    document.removeEventListener("keydown", cancel, true);
  };
  const drop = () => {
    const { item, where } = goal;
    if (where === "into") {
      if (tree.group(dragged)?.parentElement === item || tree.parent(dragged) === item) return;
      tree.into(dragged, item);
    } else if (where === "before") {
      tree.to(dragged, item.parentElement, item);
    } else if (tree.isOpen(item) && tree.group(item)?.firstElementChild) {
      // Right below an open category is before the first one in it.
      tree.to(dragged, tree.group(item), tree.group(item).firstElementChild);
    } else {
      tree.to(dragged, item.parentElement, item.nextElementSibling === dragged ? dragged.nextElementSibling : item.nextElementSibling);
    }
  };

  const lists = new WeakSet();
  const furnish = (list) => {
    if (lists.has(list)) return;
    lists.add(list);
    window.Sortable.create(list, {
      group: { name: "tree", pull: false, put: false },
      sort: false,
      draggable: "li[data-id]",
      handle: ".tree-grip",
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      fallbackClass: "tree-ghost",
      dragClass: "tree-carried",
      chosenClass: "tree-chosen",
      ghostClass: "tree-lifted",
      delay: 150,
      delayOnTouchOnly: true,
      animation: 0,
      onStart: ({ item }) => {
        dragged = item;
        goal = null;
        item.classList.add("dragged");
        document.body.classList.add("dragging");
        document.addEventListener("pointermove", follow);
        document.addEventListener("touchmove", follow, { passive: true });
        document.addEventListener("keydown", cancel, true);
      },
      onEnd: () => {
        stop();
        clearTimeout(timer);
        unmark();
        dragged.classList.remove("dragged");
        document.body.classList.remove("dragging");
        if (goal) drop();
        goal = null;
        dragged = null;
      },
    });
  };
  // A list that came later is furnished when the mouse or a finger comes near.
  const near = (event) => { const list = event.target.closest?.("#tree ul, #tree"); if (list) furnish(list); };
  document.addEventListener("pointerover", near);
  document.addEventListener("touchstart", near, { passive: true, capture: true });
  furnish(tree.root);
})();
