for (const th of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.append(...th.childNodes);
  th.append(button);
  button.addEventListener("click", () => {
    const up = th.getAttribute("aria-sort") !== "ascending", body = th.closest("table").tBodies[0];
    for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[th.cellIndex].dataset.key ?? row.cells[th.cellIndex].textContent.trim();
    const order = (a, b) => (a === "") - (b === "") || (up ? 1 : -1) * (a - b || a.localeCompare(b, "en", { numeric: true }));
    body.append(...[...body.rows].sort((a, b) => order(key(a), key(b))));
  });
}
