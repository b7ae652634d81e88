"use strict";
// Operations × what was asked of them; each line has the outcome of every cell as one digit.
(() => {
  const about = JSON.parse(document.getElementById("asked").textContent);
  const table = document.querySelector(".matrix table");
  const lines = [...table.tBodies[0].rows].map((tr) => ({
    tr, name: tr.cells[0].textContent.toLowerCase(), outcomes: tr.dataset.o,
  }));
  const all = about.columns.map((_, c) => c);

  function uses(k, { derivative, dtype, outcome, words }) {
    const { name, outcomes } = lines[k];
    if (!words.every((word) => name.includes(word))) return null;
    const columns = all.filter((c) => (!derivative || about.columns[c][0] === derivative) && (!dtype || about.columns[c][1] === dtype));
    const wanted = String(about.outcomes.indexOf(outcome));
    return !outcome || columns.some((c) => outcomes[c] === wanted) ? columns : null;
  }

  // The worst outcome first, then the fewest digits.
  function key(k, c) {
    if (c < 0) return lines[k].name;
    const rank = Number(lines[k].outcomes[c]);
    if (rank === about.outcomes.length - 1) return Infinity;
    const { nodeValue } = lines[k].tr.cells[c + 1].firstChild;
    return 100 * rank + (/^-?\d+\.\d$/.test(nodeValue) ? Number(nodeValue) : 99);
  }

  let last = null;
  function show(shown, _, order) {
    const there = new Set(shown);
    lines.forEach(({ tr }, k) => { if (tr.hidden === there.has(k)) tr.hidden = !there.has(k); });
    if (last && last !== order) table.tBodies[0].append(...order.map((k) => lines[k].tr));
    last = order;
  }

  makeTable(table, lines.length, uses, key, show);
})();
