"use strict";
// The matrix: filters, sorting, keys, and a cell's details. All texts are set as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("rows").textContent);
  const lines = JSON.parse(document.getElementById("lines").textContent);
  const table = document.querySelector(".matrix table");
  const body = table.tBodies[0];
  const trs = [...body.rows];
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const hiding = document.head.appendChild(document.createElement("style"));
  const dialog = document.getElementById("details");
  const at = Object.fromEntries(data.names.map((name, k) => [name, k]));
  const value = (row, name) => {
    const v = data.rows[row][at[name]];
    return data.kinds[at[name]] === 0 ? data.texts[v] : v;
  };
  let order = lines.cells.map((_, k) => k);

  function chosen() {
    const found = {};
    for (const each of form.elements) if (each.name && each.value) found[each.name] = each.value;
    return found;
  }
  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  function filter() {
    const { text = "", verdict = "", ...equal } = chosen();
    const asked = words(text);
    const used = new Set();
    let shown = 0;
    lines.cells.forEach((cells, k) => {
      const place = lines.places[k];
      let on = Object.entries(equal).every(([name, v]) => place[name] === v);
      on = on && asked.every((word) => lines.texts[k].includes(word));
      on = on && (!verdict || cells.some((r) => r !== null && value(r, "word") === verdict));
      if (trs[k].hidden === on) trs[k].hidden = !on;
      if (!on) return;
      shown += 1;
      cells.forEach((r, c) => r !== null && used.add(c));
    });
    const unused = lines.methods.map((_, c) => c).filter((c) => !used.has(c));
    const rule = unused.length ? `${unused.map((c) => `.matrix .k${c}`).join(",")}{display:none}` : "";
    if (hiding.textContent !== rule) hiding.textContent = rule;
    table.style.setProperty("--n", String(used.size));
    count.textContent = `${shown} of ${trs.length} lines`;
    remember();
    return shown;
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

  const digits = (k, c) => {
    const r = lines.cells[k][c];
    if (r === null) return Infinity;
    const d = value(r, "digits");
    if (typeof d === "number") return d;
    return value(r, "status") === "ok" && value(r, "error") === 0 ? 99 : Infinity;
  };
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  function sort(th) {
    const c = Number(th.dataset.column);
    const up = th.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const by = c < 0
      ? (a, b) => compare(lines.texts[a], lines.texts[b])
      : (a, b) => {
          const [x, y] = [digits(a, c), digits(b, c)];
          if (x === Infinity || y === Infinity) return compare(x, y) * (up ? 1 : -1);
          return compare(x, y);
        };
    order.sort((a, b) => (up ? by(a, b) : by(b, a)) || a - b);
    body.append(...order.map((k) => trs[k]));
  }

  function add(parent, tag, text, style) {
    const made = parent.appendChild(document.createElement(tag));
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  }
  const written = (v) => (v === null ? "NaN" : String(v));

  function open(r, line) {
    const title = document.getElementById("details-title");
    title.textContent = `${lines.labels[line]} ${value(r, "operator")}, ${value(r, "method")}`;
    const inner = document.getElementById("details-body");
    inner.replaceChildren();
    const p = add(inner, "p");
    add(p, "span", `${value(r, "symbol")} ${value(r, "word")}`, `chip ${value(r, "style")}`);
    const link = add(p, "a", "the case and all its rows");
    link.href = trs[line].querySelector("th a").getAttribute("href");
    link.style.marginLeft = "1rem";
    add(inner, "p", "Reproduce:", "quiet");
    add(inner, "pre", value(r, "command")).id = "command";
    const copy = add(inner, "button", "copy the command");
    copy.type = "button";
    copy.onclick = async () => {
      try { await navigator.clipboard.writeText(value(r, "command")); copy.textContent = "copied"; }
      catch { getSelection().selectAllChildren(document.getElementById("command")); copy.textContent = "selected: copy it"; }
    };
    const dl = add(inner, "dl");
    for (const [name, [unit, meaning]] of Object.entries(data.about)) {
      const v = value(r, name);
      if (v === "") continue;
      add(dl, "dt", name);
      const dd = add(dl, "dd", written(v));
      add(dd, "small", unit && unit !== "1" ? `${meaning} (${unit})` : meaning);
    }
    dialog.showModal();
  }

  // One cell is in the tab order; arrows move through those that are shown.
  let current = null;
  function focusable(button) {
    if (current) current.tabIndex = -1;
    current = button;
    if (current) current.tabIndex = 0;
  }
  function move(button, down, right) {
    const rows = [...body.rows].filter((tr) => !tr.hidden);
    let i = rows.indexOf(button.closest("tr"));
    let j = button.closest("td").cellIndex;
    for (;;) {
      i += down; j += right;
      const td = rows[i] && rows[i].cells[j];
      if (!td || td.tagName !== "TD") return;
      const next = td.querySelector("button");
      if (next && next.offsetParent) { focusable(next); next.focus(); return; }
    }
  }
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    focusable(button);
    open(Number(button.dataset.r), trs.indexOf(button.closest("tr")));
  });
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    const button = event.target.closest("button");
    if (!step || !button) return;
    event.preventDefault();
    move(button, ...step);
  });
  table.tHead.addEventListener("click", (event) => {
    const th = event.target.closest("th");
    if (th && event.target.closest("button")) sort(th);
  });
  for (const kind of ["input", "change"]) form.addEventListener(kind, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  window.addEventListener("hashchange", () => { form.reset(); recall(); filter(); });
  recall();
  filter();
  focusable(body.querySelector("tr:not([hidden]) button"));
})();
