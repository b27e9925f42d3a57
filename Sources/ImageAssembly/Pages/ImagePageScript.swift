/// Draws the page of an image.
enum ImagePageScript {
  /// The script.
  static let source = #"""
    {
      const { tree, layers, hidden, changes } = data;
      const names = tree.name;
      const count = names.length;
      const kinds = { f: "file", d: "directory", l: "symbolic link", h: "hard link", c: "character device", b: "block device", p: "named pipe" };
      const changeNames = { "+": "added", "~": "changed", "=": "unchanged" };
      // A directory comes before what is in it.
      const paths = ["/"];
      for (let node = 1; node < count; node += 1) {
        paths.push(`${tree.parent[node] === 0 ? "" : paths[tree.parent[node]]}/${names[node]}`);
      }
      const owner = (node) => tree.owners[tree.owner[node]];
      const mode = (node) => tree.modes[tree.mode[node]];
      const link = (node) => (tree.link[node] === undefined ? "" : ` → ${tree.link[node]}`);

      const files = [];
      for (let node = 1; node < count; node += 1) if (tree.kind[node] !== "d") files.push(node);
      let searched = null;
      const numberColumn = (value, text = (row) => countText(value(row))) => ({ value, text, first: "descending" });
      const textColumn = (value) => ({ value, text: value, first: "ascending" });

      dataTable("file-table", {
        columns: [
          { value: (row) => row, text: (row) => paths[files[row]] + link(files[row]), first: "ascending" },
          numberColumn((row) => tree.size[files[row]], (row) => bytesText(tree.size[files[row]])),
          numberColumn((row) => tree.layer[files[row]]),
          textColumn((row) => kinds[tree.kind[files[row]]]),
          textColumn((row) => mode(files[row])),
          textColumn((row) => owner(files[row])),
        ],
        count: files.length,
        noun: ["file", "files"],
        bytes: (row) => tree.size[files[row]],
        sorted: 1,
        search: (row) => {
          searched ??= files.map((node) => (paths[node] + link(node)).toLowerCase());
          return searched[row];
        },
      });

      const list = (id, rows, columns, noun, sorted, bytes) => {
        if (!byId(id)) return;
        dataTable(id, {
          columns, noun, sorted, bytes, count: rows.length,
          search: (row) => columns.map((column) => column.text(row)).join(" ").toLowerCase(),
        });
      };
      const sizeText = (size) => (size === null ? "" : bytesText(size));
      list("hidden-table", hidden, [
        textColumn((row) => hidden[row][0]),
        numberColumn((row) => hidden[row][1], (row) => bytesText(hidden[row][1])),
        numberColumn((row) => hidden[row][2]),
        numberColumn((row) => hidden[row][3]),
        textColumn((row) => hidden[row][4]),
      ], ["file", "files"], 1, (row) => hidden[row][1]);
      list("change-table", changes, [
        textColumn((row) => changes[row][0]),
        textColumn((row) => changes[row][1]),
        numberColumn((row) => changes[row][2] ?? -1, (row) => sizeText(changes[row][2])),
        numberColumn((row) => changes[row][3] ?? -1, (row) => sizeText(changes[row][3])),
        numberColumn((row) => changes[row][4] ?? 0, (row) => String(changes[row][4] ?? "")),
        textColumn((row) => changes[row][5]),
      ], ["change", "changes"], 1);

      const steps = 10;
      const step = (layer) => (layers > 1 ? Math.round(((layer - 1) / (layers - 1)) * (steps - 1)) : 4);
      const stepLayers = new Map();
      for (let layer = 1; layer <= layers; layer += 1) {
        stepLayers.set(step(layer), [...(stepLayers.get(step(layer)) ?? []), layer]);
      }
      const layersText = (list) =>
        list.length === 1 ? `layer ${list[0]}` : `layers ${list[0]} to ${list.at(-1)}`;
      const byLayer = {
        title: "layer",
        tone: (node) => `l${step(tree.layer[node] || 1)}`,
        legend: [...stepLayers].map(([number, list]) => [`l${number}`, layersText(list)]),
      };
      const byChange = {
        title: "change",
        tone: (node) => ({ "+": "added", "~": "changed" })[tree.change[node]] ?? "same",
        legend: [["added", "added"], ["changed", "changed"], ["same", "unchanged"]],
      };
      treemap({
        parents: tree.parent,
        sizes: tree.size,
        names,
        modes: tree.change ? [byLayer, byChange] : [byLayer],
        describe: (node) => {
          const isDirectory = tree.kind[node] === "d";
          const parts = [];
          if (!isDirectory) parts.push(`layer ${tree.layer[node]}`, kinds[tree.kind[node]], mode(node), owner(node));
          if (tree.change && !isDirectory) parts.push(changeNames[tree.change[node]]);
          return { name: paths[node], more: parts.filter((part) => part !== "").join(", ") };
        },
      });
    }

    """#
}
