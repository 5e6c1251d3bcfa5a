"use strict";
// Sorting, filtering and the command of each row.
(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const filter = document.getElementById("filter");
  const state = document.getElementById("state");
  const texts = new Map(rows.map((row) => [row, [...row.cells].slice(0, -1).map((cell) => cell.textContent).join(" ").toLowerCase()]));
  const COMPARE = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "=": (a, b) => a === b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
  };

  function sort(head) {
    const column = heads.indexOf(head), isNumber = head.hasAttribute("data-number");
    const isDescending = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.key;
    const compare = (a, b) => isNumber ? Number(a) - Number(b) : a.localeCompare(b, undefined, {numeric: true});
    body.append(...[...rows].sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === "" || b === "") return (a === "") - (b === "");   // what is missing stays last
      return isDescending ? compare(b, a) : compare(a, b);
    }));
  }

  // "depth<=8" compares a column; every other word must occur somewhere in the row
  function condition(word) {
    const [, name, sign, value] = word.match(/^([\w.]+?)(<=|>=|!=|==|=|<|>)(.+)$/) ?? [];
    const column = name === undefined ? -1 : heads.findIndex((head) => head.dataset.name === name);
    if (column < 0) return (row) => texts.get(row).includes(word.toLowerCase());
    if (!heads[column].hasAttribute("data-number"))
      return (row) => COMPARE[sign](row.cells[column].textContent.toLowerCase(), value.toLowerCase());
    return (row) => row.cells[column].dataset.key !== "" && COMPARE[sign](Number(row.cells[column].dataset.key), Number(value));
  }

  function apply() {
    const conditions = filter.value.replace(/\s*(<=|>=|!=|==|=|<|>)\s*/g, "$1").split(/\s+/)
      .filter((word) => word && word.toLowerCase() !== "and").map(condition);
    const hidden = new Set();
    for (const row of rows) {
      const isState = !state.value || (state.value === "FRONT" ? "front" in row.dataset : row.dataset.state === state.value);
      row.hidden = !(isState && conditions.every((holds) => holds(row)));
      if (row.hidden) hidden.add(Number(row.dataset.row));
    }
    const shown = rows.length - hidden.size;
    document.getElementById("count").textContent = hidden.size ? `${shown} of ${rows.length} trials` : `${rows.length} trials`;
    window.dimPoints(hidden);
  }

  window.showRows = (numbers) => {
    for (const row of rows) row.classList.toggle("lit", numbers.includes(Number(row.dataset.row)));
    const lit = [...body.rows].filter((row) => row.classList.contains("lit"));
    if (lit.every((row) => row.hidden)) { filter.value = ""; state.value = ""; apply(); }
    lit[0]?.scrollIntoView({block: "center"});
  };

  async function copy(text, button) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {   // a page from a file may not reach the clipboard: the old way
      const area = document.createElement("textarea");
      area.value = text;
      (button.closest("dialog") ?? document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  const dialog = document.getElementById("dialog");
  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-how]");
    if (!button) return;
    const entry = data.how[button.dataset.how];
    document.getElementById("dialog-title").textContent = entry.title;
    document.getElementById("dialog-reason").textContent = entry.reason;
    document.getElementById("dialog-how").textContent = entry.how;
    dialog.showModal();
  });
  document.getElementById("dialog-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  const copyHow = document.getElementById("dialog-copy");
  copyHow.addEventListener("click", () => copy(document.getElementById("dialog-how").textContent, copyHow));
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", () => copy(button.parentElement.querySelector("pre").textContent, button));

  body.addEventListener("mouseover", (event) => {
    const row = event.target.closest("tr");
    window.lightPoints(row ? Number(row.dataset.row) : null);
  });
  body.addEventListener("mouseleave", () => window.lightPoints(null));
  for (const head of heads) head.querySelector("button")?.addEventListener("click", () => sort(head));
  filter.addEventListener("input", apply);
  state.addEventListener("change", apply);
})();
