"use strict";
// A table of lines: a form filters them, headings sort them, and columns that nothing uses are hidden.
// `uses(line, asked)` are the columns that a line shows, null where it is not asked for; `key(line,
// column)` is what a column is sorted by, Infinity for what stands last either way, -1 the name;
// `show(lines, columns, order)` shows some lines of all in their order.
const makeTable = (table, size, uses, key, show) => {
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const hiding = document.head.appendChild(document.createElement("style"));
  const columns = [...table.tHead.rows[0].cells].slice(1).map((_, c) => c);
  let answered = null; // a field that is left says again what was typed: rows stay as they are
  let order = Array.from({ length: size }, (_, k) => k);

  function filter() {
    const asked = {};
    for (const each of form.elements) if (each.name && each.value) asked[each.name] = each.value;
    const question = JSON.stringify(asked);
    if (question === answered) return;
    answered = question;
    asked.words = (asked.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    const used = new Set();
    const shown = order.filter((k) => {
      const found = uses(k, asked);
      for (const c of found || []) used.add(c);
      return found;
    });
    const unused = columns.filter((c) => !used.has(c));
    const rule = unused.length ? `${unused.map((c) => `.matrix tr>:nth-child(${c + 2}),.matrix col:nth-child(${c + 2})`).join(",")}{display:none}` : "";
    if (hiding.textContent !== rule) hiding.textContent = rule;
    table.style.setProperty("--n", String(used.size));
    count.textContent = `${shown.length} of ${size} lines`;
    show(shown, columns.filter((c) => used.has(c)), order);
    remember();
  }

  const usual = (each) => each.options ? ([...each.options].find((o) => o.defaultSelected) || each.options[0]).value : each.defaultValue;
  function remember() {
    const changed = [...form.elements].filter((each) => each.name && each.value !== usual(each));
    const text = new URLSearchParams(changed.map((each) => [each.name, each.value])).toString();
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname); } catch { /* a page in a frame */ }
  }
  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const each of form.elements) if (each.name && asked.has(each.name)) each.value = asked.get(each.name);
  }

  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  function sort(th) {
    const c = th.cellIndex - 1;
    const up = th.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keys = order.map((_, k) => key(k, c));
    order = order.toSorted((a, b) => {
      const [x, y] = [keys[a], keys[b]];
      return compare(x, y) * (up || x === Infinity || y === Infinity ? 1 : -1) || a - b;
    });
    answered = null;
    filter();
  }

  table.tHead.addEventListener("click", (event) => {
    const th = event.target.closest("th");
    if (th && event.target.closest("button")) sort(th);
  });
  for (const kind of ["input", "change"]) form.addEventListener(kind, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  window.addEventListener("hashchange", () => { form.reset(); recall(); filter(); });
  recall();
  filter();
};
