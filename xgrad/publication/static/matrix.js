"use strict";
// The matrix: a cell's details, and keys. All texts are set as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("rows").textContent);
  const lines = JSON.parse(document.getElementById("lines").textContent);
  const table = document.querySelector(".matrix table");
  const body = table.tBodies[0];
  const dialog = document.getElementById("details");
  const at = Object.fromEntries(data.names.map((name, k) => [name, k]));
  const value = (row, name) => {
    const v = data.rows[row][at[name]];
    return data.kinds[at[name]] === 0 ? data.texts[v] : v;
  };

  function uses(k, { text, words, verdict, ...equal }) {
    const place = lines.places[k];
    const there = lines.cells[k].map((r, c) => (r === null ? null : c)).filter((c) => c !== null);
    let on = Object.entries(equal).every(([name, v]) => place[name] === v);
    on = on && words.every((word) => lines.texts[k].includes(word));
    on = on && (!verdict || there.some((c) => value(lines.cells[k][c], "word") === verdict));
    return on ? there : null;
  }

  function key(k, c) {
    if (c < 0) return lines.texts[k];
    const r = lines.cells[k][c];
    if (r === null) return Infinity;
    const d = value(r, "digits");
    if (typeof d === "number") return d;
    return value(r, "status") === "ok" && value(r, "error") === 0 ? 99 : Infinity;
  }

  const trs = makeTable(table, uses, key);

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
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  focusable(body.querySelector("tr:not([hidden]) button"));
})();
