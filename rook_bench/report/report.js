// Tables that sort and filter. Without this script they are whole, in the order in which they were written.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], rows = [...body.rows], box = table.closest(".scroll");
  const text = (row, column) => (row.cells[column].querySelector(".value") ?? row.cells[column]).textContent.trim();
  const number = said => Number.parseFloat(said.replaceAll(",", "").replace("\u2212", "-"));
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = rows.map(row => [text(row, column), row]);
      const counted = keyed.some(([said]) => /^[+\u2212-]?[\d.,]+%?$/.test(said));
      keyed.sort(([one], [other]) => {
        if (!counted) return one < other ? -1 : one > other ? 1 : 0;
        const [a, b] = [number(one), number(other)];
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b) || 0;
        return down ? b - a : a - b;
      });
      if (!counted && down) keyed.reverse();
      body.append(...keyed.map(([, row]) => row));
    });
  });
  const label = document.createElement("label"), field = document.createElement("input"), found = document.createElement("output");
  field.type = "search";
  label.className = "filter";
  label.append("Filter ", field, " ", found);
  box.before(label);
  const cells = rows.map(row => [...row.cells].map(cell => cell.textContent.trim().toLowerCase()));
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    // A word that is all of some cell ("sell") asks for that cell, and not for texts that mention it.
    const whole = new Set(words.filter(word => cells.some(said => said.includes(word))));
    let left = 0;
    rows.forEach((row, place) => {
      const said = cells[place].join(" ");
      row.hidden = !words.every(word => (whole.has(word) ? cells[place].includes(word) : said.includes(word)));
      left += !row.hidden;
    });
    found.textContent = words.length ? `${left} of ${rows.length}` : `${rows.length} rows`;
  };
  field.addEventListener("input", filter);
  filter();
}
