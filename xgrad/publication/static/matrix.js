"use strict";
// The matrix: lines and cells of compact data, a cell's details, and keys. All texts are set as text,
// never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("rows").textContent);
  const readers = (columns) => Object.fromEntries(Object.entries(columns).map(([name, { all, values, at }]) =>
    [name, at ? (k) => values[at[k]] : values ? (k) => values[k] : () => all]));
  const lines = readers(data.lines), rows = readers(data.rows);
  const live = document.getElementById("live");
  const frame = live.querySelector(".matrix"), table = frame.querySelector("table");
  const dialog = document.getElementById("details");
  const texts = [], starts = [];
  let size = 0;
  for (let total = 0; total < data.cells; size += 1) {
    texts.push(`${lines.label(size)} ${lines.operator(size)} ${lines.title(size)}`.toLowerCase());
    starts.push(total);
    total += lines.at(size).length;
  }
  const rowAt = (k, c) => {
    const place = lines.at(k).indexOf(c);
    return place < 0 ? null : starts[k] + place;
  };
  const kindOf = (r) => data.kinds[rows.look(r)[2]];

  function value(k, c, name) {
    if (name === "framework") return data.methods[c].split(".", 1)[0];
    if (name === "technique") return data.methods[c].slice(data.methods[c].indexOf(".") + 1);
    return name in rows ? rows[name](rowAt(k, c)) : lines[name](k);
  }

  function uses(k, { text, words, verdict, ...equal }) {
    const there = lines.at(k);
    let on = Object.entries(equal).every(([name, v]) => String(lines[name](k)) === v);
    on = on && words.every((word) => texts[k].includes(word));
    on = on && (!verdict || there.some((_, n) => kindOf(starts[k] + n)[0] === verdict));
    return on ? there : null;
  }

  function key(k, c) {
    if (c < 0) return texts[k];
    const r = rowAt(k, c);
    if (r === null) return Infinity;
    const d = rows.digits(r);
    if (typeof d === "number") return d;
    return rows.status(r) === "ok" && rows.error(r) === 0 ? 99 : Infinity;
  }

  function add(parent, tag, text, style) {
    const made = parent.appendChild(document.createElement(tag));
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  // --- lines and cells ---------------------------------------------------------------------------
  let current = null; // the line and the column of the cell that is in the tab order
  let shown = [], columns = [];

  function cell(tr, r, tabbed) {
    const td = add(tr, "td");
    if (r === null) return;
    const [number, share] = rows.look(r);
    const [word, symbol, style] = kindOf(r);
    td.className = style;
    const button = add(td, "button");
    button.type = "button";
    button.tabIndex = tabbed ? 0 : -1;
    if (share) button.style.setProperty("--d", `${share}%`);
    add(button, "b", number);
    add(button, "i", `${symbol} ${word}`);
  }
  function make(k) {
    const tr = document.createElement("tr");
    tr.dataset.line = String(k);
    const th = add(tr, "th");
    th.scope = "row";
    const a = add(th, "a", lines.label(k));
    a.href = lines.link(k);
    a.title = lines.title(k);
    const seed = lines.seed(k);
    const told = [lines.operator(k), ...data.varying.map((name) => lines[name](k)), ...(seed ? [`seed ${seed}`] : [])];
    add(th, "small", told.join(" · "));
    data.methods.forEach((_, c) => cell(tr, rowAt(k, c), current && current[0] === k && current[1] === c));
    return tr;
  }
  live.hidden = false;
  const height = 2.75 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const drawn = makeRows(frame, table, height, make);
  const buttonOf = ([k, c]) => drawn.row(k).cells[c + 1].firstChild;

  makeTable(table, size, uses, key, (found, used) => {
    [shown, columns] = [found, used];
    if (!current || !found.includes(current[0]) || !used.includes(current[1]))
      current = found.length ? [found[0], lines.at(found[0])[0]] : null;
    drawn.show(found, used.length + 1, current && current[0]);
  });

  // --- details -----------------------------------------------------------------------------------
  const written = (v) => (v === null ? "NaN" : String(v));
  function open([k, c]) {
    const [word, symbol, style] = kindOf(rowAt(k, c));
    const command = `${lines.command(k)} ${data.quoted[c]} ${lines.options(k)}`;
    const title = document.getElementById("details-title");
    title.textContent = `${lines.label(k)} ${lines.operator(k)}, ${data.methods[c]}`;
    const inner = document.getElementById("details-body");
    inner.replaceChildren();
    const p = add(inner, "p");
    add(p, "span", `${symbol} ${word}`, `chip ${style}`);
    const link = add(p, "a", "the case and all its rows");
    link.href = lines.link(k);
    link.style.marginLeft = "1rem";
    add(inner, "p", "Reproduce:", "quiet");
    add(inner, "pre", command).id = "command";
    const copy = add(inner, "button", "copy the command");
    copy.type = "button";
    copy.onclick = async () => {
      try { await navigator.clipboard.writeText(command); copy.textContent = "copied"; }
      catch { getSelection().selectAllChildren(document.getElementById("command")); copy.textContent = "selected: copy it"; }
    };
    const dl = add(inner, "dl");
    for (const [name, [unit, meaning]] of Object.entries(data.about)) {
      const v = value(k, c, name);
      if (v === "") continue;
      add(dl, "dt", name);
      const dd = add(dl, "dd", written(v));
      add(dd, "small", unit && unit !== "1" ? `${meaning} (${unit})` : meaning);
    }
    dialog.showModal();
  }

  // --- keys: one cell is in the tab order; arrows move through those that are shown --------------
  function choose(next) {
    if (current && drawn.row(current[0])) buttonOf(current).tabIndex = -1;
    current = next;
    drawn.keep(next[0]);
    buttonOf(next).tabIndex = 0;
    drawn.reach();
    buttonOf(next).focus();
  }
  function move(down, right) {
    let i = shown.indexOf(current[0]), j = columns.indexOf(current[1]);
    do { i += down; j += right; } while (i in shown && j in columns && rowAt(shown[i], columns[j]) === null);
    if (i in shown && j in columns) choose([shown[i], columns[j]]);
  }
  const placeOf = (button) => [Number(button.closest("tr").dataset.line), button.closest("td").cellIndex - 1];
  table.tBodies[0].addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    choose(placeOf(button));
    open(current);
  });
  table.tBodies[0].addEventListener("keydown", (event) => {
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (!step || !event.target.closest("button")) return;
    event.preventDefault();
    move(...step);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
})();
