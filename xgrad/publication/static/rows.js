"use strict";
// Of thousands of lines of one height those in view, and the current one, which keeps the focus.
// `make(line)` is the row of a line, `height` that of all rows.
const makeRows = (frame, table, height, make) => {
  const BEYOND = 8; // lines drawn above and below what is in view
  const body = table.tBodies[0];
  let top = 0; // known from scrolling: to ask for it would lay the page out
  let shown = [], span = 1, places = new Map(), drawn = new Map(), current = null;

  function space(lines) {
    const tr = document.createElement("tr");
    tr.className = "space";
    tr.setAttribute("aria-hidden", "true");
    tr.appendChild(document.createElement("td")).colSpan = span;
    tr.style.height = `${lines * height}px`;
    return tr;
  }

  // From the last to the first, each before the one made last: a row that stays is not moved, which
  // would take its focus.
  function place(wanted) {
    for (const tr of body.querySelectorAll(".space")) tr.remove();
    for (const [k, tr] of drawn) if (!wanted.has(places.get(k))) { tr.remove(); drawn.delete(k); }
    let next = null, below = shown.length;
    const put = (tr) => { next = body.insertBefore(tr, next); };
    for (const i of [...wanted].sort((a, b) => b - a)) {
      if (below > i + 1) put(space(below - i - 1));
      if (drawn.has(shown[i])) next = drawn.get(shown[i]);
      else {
        const tr = make(shown[i]);
        tr.setAttribute("aria-rowindex", String(i + 2));
        drawn.set(shown[i], tr);
        put(tr);
      }
      below = i;
    }
    if (below) put(space(below));
  }

  function draw(all = false) {
    const first = Math.floor(top / height) - BEYOND;
    const last = Math.ceil((top + window.innerHeight) / height) + BEYOND;
    const from = all ? 0 : Math.max(first, 0), to = all ? shown.length : Math.min(last, shown.length);
    const wanted = new Set(Array.from({ length: Math.max(to - from, 0) }, (_, k) => from + k));
    if (places.has(current)) wanted.add(places.get(current));
    place(wanted);
  }

  let asked = false;
  frame.addEventListener("scroll", () => {
    if (!asked) requestAnimationFrame(() => { asked = false; top = frame.scrollTop; draw(); });
    asked = true;
  });
  window.addEventListener("resize", () => draw());
  window.addEventListener("beforeprint", () => draw(true));
  window.addEventListener("afterprint", () => draw());

  return {
    // All lines that can be scrolled to, and how many columns they have in view.
    show(lines, columns, kept) {
      [shown, span, current] = [lines, columns, kept];
      places = new Map(lines.map((k, i) => [k, i]));
      drawn = new Map();
      body.replaceChildren();
      table.setAttribute("aria-rowcount", String(lines.length + 1));
      if (top) frame.scrollTop = top = 0;
      draw();
    },
    keep(line) { current = line; draw(); },
    reach() { frame.style.scrollPaddingTop = `${table.tHead.offsetHeight}px`; },
    row: (line) => drawn.get(line),
  };
};
