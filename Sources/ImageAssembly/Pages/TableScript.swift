/// Makes a table of the page one that sorts, filters and turns pages: only the rows of one page are in the document.
enum TableScript {
  /// The script.
  static let source = #"""
    const rowsPerPage = 100;

    /**
     * Takes over the table in the region with an id.
     * - columns: {text(row), value(row), first: "ascending" or "descending"} for each column of the table.
     * - count: how many rows there are; rows are numbers.
     * - search(row): the text that is searched, in small letters.
     * - noun: [one, many]; bytes(row): what is summed, if anything is; sorted: the column that is sorted first.
     */
    function dataTable(id, { columns, count, search, noun, bytes, sorted }) {
      const region = byId(id);
      const table = region.querySelector("table");
      const body = table.tBodies[0];
      const state = { column: sorted, direction: columns[sorted].first, page: 0, row: 0, words: [] };
      let order = Uint32Array.from({ length: count }, (_, row) => row);
      let shown = order;

      const field = make("input", { type: "search", autocomplete: "off", spellcheck: "false", "aria-controls": id });
      const status = make("p", { role: "status" });
      const before = make("button", { type: "button" }, "Previous");
      const after = make("button", { type: "button" }, "Next");
      region.before(make("div", { class: "tools" }, make("label", {}, "Filter", field), before, after, status));
      table.setAttribute("aria-rowcount", count + 1);

      const headings = [...table.tHead.rows[0].cells].map((heading, index) => {
        const button = make("button", { type: "button" }, heading.textContent);
        button.addEventListener("click", () => sort(index));
        heading.replaceChildren(button);
        return heading;
      });

      function sort(column) {
        const isAgain = column === state.column;
        const other = state.direction === "ascending" ? "descending" : "ascending";
        state.direction = isAgain ? other : columns[column].first;
        state.column = column;
        state.page = state.row = 0;
        arrange();
      }

      function arrange() {
        const value = columns[state.column].value;
        const sign = state.direction === "ascending" ? 1 : -1;
        const keys = Array.from({ length: count }, (_, row) => value(row));
        order = Uint32Array.from({ length: count }, (_, row) => row).sort((a, b) =>
          keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b);
        filter();
      }

      function filter() {
        shown = state.words.length === 0 ? order : order.filter((row) => {
          const text = search(row);
          return state.words.every((word) => text.includes(word));
        });
        draw();
      }

      function draw() {
        const start = state.page * rowsPerPage;
        const end = Math.min(shown.length, start + rowsPerPage);
        const rows = [];
        for (let index = start; index < end; index += 1) {
          const row = make("tr", { tabindex: index - start === state.row ? 0 : -1, "aria-rowindex": index + 2 });
          columns.forEach((column, place) => {
            row.append(make("td", { class: headings[place].className || null }, column.text(shown[index])));
          });
          rows.push(row);
        }
        body.replaceChildren(...rows);
        headings.forEach((heading, index) => {
          heading.setAttribute("aria-sort", index === state.column ? state.direction : "none");
        });
        before.disabled = start === 0;
        after.disabled = end === shown.length;
        const total = bytes ? `, ${bytesText(shown.reduce((sum, row) => sum + bytes(row), 0))}` : "";
        const some = shown.length === count ? "" : ` of ${countText(count)}`;
        const range = shown.length > end - start ? `; ${countText(start + 1)} to ${countText(end)} are shown` : "";
        status.textContent = `${counted(shown.length, ...noun)}${some}${total}${range}`;
      }

      /** Turns to another page; gives whether there is one. */
      function turn(step) {
        const page = state.page + step;
        if (page < 0 || page * rowsPerPage >= shown.length) return false;
        state.page = page;
        state.row = 0;
        draw();
        return true;
      }

      function focusRow(row) {
        body.rows[state.row]?.setAttribute("tabindex", "-1");
        state.row = Math.max(0, Math.min(body.rows.length - 1, row));
        body.rows[state.row]?.setAttribute("tabindex", "0");
        body.rows[state.row]?.focus();
      }

      body.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const row = event.target.closest("tr").rowIndex - 1;
        switch (event.key) {
          case "ArrowDown":
            focusRow(row + 1 < body.rows.length ? row + 1 : turn(1) ? 0 : row);
            break;
          case "ArrowUp":
            focusRow(row > 0 ? row - 1 : turn(-1) ? rowsPerPage - 1 : row);
            break;
          case "PageDown": turn(1); focusRow(0); break;
          case "PageUp": turn(-1); focusRow(0); break;
          case "Home": focusRow(0); break;
          case "End": focusRow(body.rows.length - 1); break;
          default: return;
        }
        event.preventDefault();
      });
      before.addEventListener("click", () => { turn(-1); if (before.disabled) after.focus(); });
      after.addEventListener("click", () => { turn(1); if (after.disabled) before.focus(); });
      field.addEventListener("input", () => {
        state.words = field.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
        state.page = state.row = 0;
        filter();
      });
      arrange();
    }

    """#
}
