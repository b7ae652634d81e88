"use strict";
// A table of lines: a form filters them, headings sort them, and columns that nothing uses are hidden.
// `uses(line, asked)` are the columns that a line shows, null where it is not asked for; `key(line,
// column)` is what a column is sorted by, Infinity for what stands last either way, -1 the name.
const makeTable = (table, uses, key) => {
  const body = table.tBodies[0];
  const trs = [...body.rows];
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const hiding = document.head.appendChild(document.createElement("style"));
  const columns = [...table.tHead.rows[0].cells].slice(1).map((_, c) => c);
  const order = trs.map((_, k) => k);

  function filter() {
    const asked = {};
    for (const each of form.elements) if (each.name && each.value) asked[each.name] = each.value;
    asked.words = (asked.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    const used = new Set();
    let shown = 0;
    trs.forEach((tr, k) => {
      const found = uses(k, asked);
      if (tr.hidden === Boolean(found)) tr.hidden = !found;
      if (!found) return;
      shown += 1;
      for (const c of found) used.add(c);
    });
    const unused = columns.filter((c) => !used.has(c));
    const rule = unused.length ? `${unused.map((c) => `.matrix tr>:nth-child(${c + 2}),.matrix col:nth-child(${c + 2})`).join(",")}{display:none}` : "";
    if (hiding.textContent !== rule) hiding.textContent = rule;
    table.style.setProperty("--n", String(used.size));
    count.textContent = `${shown} of ${trs.length} lines`;
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
    const keys = trs.map((_, k) => key(k, c));
    order.sort((a, b) => {
      const [x, y] = [keys[a], keys[b]];
      return compare(x, y) * (up || x === Infinity || y === Infinity ? 1 : -1) || a - b;
    });
    body.append(...order.map((k) => trs[k]));
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
  return trs;
};
