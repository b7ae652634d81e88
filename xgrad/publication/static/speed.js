"use strict";
// The plots and tables of timings: a form chooses a case, and a method whose marks stay.
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const cased = document.querySelectorAll("[data-case]");
  const lines = document.querySelectorAll(".plot [data-name]");
  const count = document.getElementById("count");
  const wholes = document.querySelectorAll("[data-whole]").length;

  function filter() {
    const chosen = form.elements.case.value;
    const method = form.elements.method.value;
    let shown = wholes;
    for (const each of cased) {
      each.hidden = Boolean(chosen) && each.dataset.case !== chosen;
      if (!each.hidden && each.tagName === "FIGURE") shown += 1;
    }
    for (const line of lines) line.style.opacity = method && line.dataset.name !== method ? ".08" : "";
    count.textContent = `${shown} plots`;
  }

  for (const event of ["input", "change"]) form.addEventListener(event, filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
})();
