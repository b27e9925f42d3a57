/// Draws a tree as areas in proportion to bytes, one directory at a time.
///
/// Only what can be seen is in the document: of a directory the largest entries, the others in groups that can be gone into; of
/// what is inside those, as much as can be told apart.
enum TreemapScript {
  /// The script.
  static let source = #"""
    const mostTiles = 1200;
    const mostInDirectory = 300;
    const mostInside = 150;
    const smallestArea = 130;
    const titleHeight = 17;

    /**
     * Fills the page's place for a treemap.
     * - names: of the nodes; describe(node): a sentence about one.
     * - modes: {title, tone(leaf): a class, legend: [[class, text]]}, ways to colour it.
     */
    function treemap({ parents, sizes, names, describe, modes }) {
      const tree = new Tree(parents, sizes);
      const map = byId("map");
      const box = map.querySelector(".tiles");
      const trail = map.querySelector(".trail");
      const where = map.querySelector(".where");
      const legend = map.querySelector(".legend");
      // A directory, or of one the entries from one place to another, the largest first.
      let view = { node: 0, from: 0, to: Infinity };
      let mode = modes[0];
      let tiles = [];
      let width = 0;
      let height = 0;
      map.hidden = false;

      if (modes.length > 1) {
        const choice = make("select", {}, ...modes.map((each, index) => make("option", { value: index }, each.title)));
        choice.addEventListener("change", () => { mode = modes[choice.value]; draw(); });
        map.querySelector(".tools").append(make("label", {}, "Colour by", choice));
      }

      /** What is drawn of a directory's entries: the largest alone, the others in groups of about the same bytes. */
      function pick({ node, from, to }, area, most) {
        const list = tree.children(node).slice(from, to);
        let left = list.reduce((sum, child) => sum + tree.bytes[child], 0);
        const scale = left > 0 ? area / left : 0;
        const items = [];
        let index = 0;
        const isAlone = () => tree.bytes[list[index]] * scale >= smallestArea && items.length < most * 0.8;
        while (index < list.length && (list.length <= most || isAlone())) {
          items.push({ node: list[index], bytes: tree.bytes[list[index]] });
          left -= tree.bytes[list[index]];
          index += 1;
        }
        const groups = Math.max(1, Math.min(most - items.length, Math.floor((left * scale) / smallestArea)));
        const share = left / groups;
        while (index < list.length) {
          const start = index;
          let bytes = 0;
          while (index < list.length && (bytes < share || index === start)) {
            bytes += tree.bytes[list[index]];
            index += 1;
          }
          items.push(index - start === 1
            ? { node: list[start], bytes }
            : { group: { node, from: from + start, to: from + index }, bytes });
        }
        return items.sort((a, b) => b.bytes - a.bytes);
      }

      function groupSentence({ node, from, to }) {
        const list = tree.children(node).slice(from, to);
        const bytes = list.reduce((sum, child) => sum + tree.bytes[child], 0);
        const [most, least] = [tree.bytes[list[0]], tree.bytes[list.at(-1)]];
        return `${counted(list.length, "entry", "entries")} of ${names[node]}, ${bytesText(most)} to ${bytesText(least)} each: ${bytesText(bytes)}`;
      }

      function sentence(node) {
        const text = describe(node);
        const below = tree.isLeaf(node) ? "" : `, ${counted(tree.leaves[node], "entry", "entries")}`;
        const whole = tree.bytes[view.node];
        const share = node === view.node || whole === 0
          ? "" : `, ${percentText(tree.bytes[node] / whole)} of ${names[view.node]}`;
        return `${text.name}: ${bytesText(tree.bytes[node])}${share}${below}${text.more ? `; ${text.more}` : ""}`;
      }

      function place(element, area) {
        element.style.left = `${area.left}px`;
        element.style.top = `${area.top}px`;
        element.style.width = `${area.width}px`;
        element.style.height = `${area.height}px`;
      }

      function label(element, area, name, bytes) {
        if (area.width < 44 || area.height < 18) return;
        element.append(make("b", {}, name));
        if (bytes !== null && area.height >= 36) element.append(make("b", {}, bytesText(bytes)));
      }

      /** A directory is coloured as its largest file, a group only where all in it are alike. */
      function tone({ node, group }) {
        if (!group) return mode.tone(tree.largest[node]);
        const tones = new Set(tree.children(group.node).slice(group.from, group.to).map((child) => mode.tone(tree.largest[child])));
        return tones.size === 1 ? [...tones][0] : "several";
      }

      function canOpen(item, area) {
        return item.group === undefined && !tree.isLeaf(item.node) && area.width > 46 && area.height > 40;
      }

      function tileFor(item, area) {
        const element = make("div", { class: "tile" });
        place(element, area);
        element.item = item;
        const isOpen = canOpen(item, area);
        if (item.group || !tree.isLeaf(item.node)) element.dataset.open = "";
        if (!isOpen) element.classList.add(tone(item));
        const name = item.group ? `${countText(item.group.to - item.group.from)} others` : names[item.node];
        if (isOpen) label(element, area, `${name} ${bytesText(item.bytes)}`, null);
        else label(element, area, name, item.bytes);
        return element;
      }

      /** Puts what is inside a directory into its tile, so many tiles at most. */
      function fill({ item, element, area }, most) {
        const inner = { left: 2, top: titleHeight, width: area.width - 6, height: area.height - titleHeight - 4 };
        const fitting = Math.floor((inner.width * inner.height) / smallestArea);
        const items = pick({ node: item.node, from: 0, to: Infinity }, inner.width * inner.height, Math.min(most, fitting, mostInside));
        const added = squarified(items.map((each) => each.bytes), inner).flatMap((part, index) =>
          part.width < 2 || part.height < 2 ? [] : [{ item: items[index], element: tileFor(items[index], part), area: part }]);
        element.append(...added.map((tile) => tile.element));
        return added;
      }

      function draw() {
        width = box.clientWidth;
        height = box.clientHeight;
        const items = pick(view, width * height, mostInDirectory);
        tiles = squarified(items.map((item) => item.bytes), { left: 0, top: 0, width, height }).map((area, index) => {
          const element = tileFor(items[index], area);
          element.tabIndex = index === 0 ? 0 : -1;
          element.setAttribute("role", element.dataset.open === undefined ? "img" : "button");
          element.setAttribute("aria-label", tell(items[index]));
          return { item: items[index], element, area };
        });
        let budget = mostTiles - tiles.length;
        let open = tiles.filter((tile) => canOpen(tile.item, tile.area));
        while (open.length > 0 && budget > 0) {
          // Each gets its part of what may still be drawn; some is left for what is further inside.
          const bytes = open.reduce((sum, tile) => sum + tile.item.bytes, 0);
          const most = budget * 0.7;
          open = open.flatMap((tile) => {
            const added = budget <= 0 ? [] : fill(tile, Math.max(4, Math.min(budget, (most * tile.item.bytes) / bytes)));
            budget -= added.length;
            return added;
          }).filter((tile) => canOpen(tile.item, tile.area));
        }
        box.replaceChildren(...tiles.map((tile) => tile.element));
        drawTrail();
        legend.replaceChildren(...[...mode.legend, ["several", "several of these"]].map(([tone, text]) =>
          make("li", {}, make("span", { class: `swatch ${tone}` }), text)));
        where.textContent = tiles.length > 0 ? here() : "There are no bytes to draw.";
      }

      function isGroup() { return view.outer !== undefined; }

      function here() { return isGroup() ? groupSentence(view) : sentence(view.node); }

      function tell(item) { return item.group ? groupSentence(item.group) : sentence(item.node); }

      function drawTrail() {
        const path = tree.path(view.node);
        trail.replaceChildren(...path.map((node, index) => {
          if (index + 1 === path.length && !isGroup()) return make("li", {}, make("span", { "aria-current": "true" }, names[node]));
          const button = make("button", { type: "button" }, names[node]);
          button.addEventListener("click", () => show(whole(node), path[index + 1]));
          return make("li", {}, button);
        }));
        if (!isGroup()) return;
        const range = `entries ${countText(view.from + 1)} to ${countText(view.to)}`;
        trail.append(make("li", {}, make("span", { "aria-current": "true" }, range)));
      }

      function whole(node) { return { node, from: 0, to: Infinity }; }

      /** Goes to a directory or a group, with the focus on one of its entries, or the group that it is in; else on the first. */
      function show(next, node) {
        view = next;
        draw();
        const place = node === undefined ? -1 : tree.children(view.node).indexOf(node);
        const index = place < 0 ? 0 : tiles.findIndex(({ item: { node: own, group } }) =>
          own === node || (group && group.from <= place && place < group.to));
        focusTile(Math.max(index, 0));
      }

      function focusTile(index) {
        if (!tiles[index]) return;
        for (const each of tiles) each.element.tabIndex = -1;
        tiles[index].element.tabIndex = 0;
        tiles[index].element.focus({ preventScroll: true });
      }

      function open(element) {
        const { node, group } = element.item;
        // A group that is seen from further out is gone into by way of its directory.
        if (group) return show({ ...group, outer: group.node === view.node ? view : whole(group.node) });
        if (tree.children(node).length > 0) return show(whole(node));
        focusTile(tiles.findIndex((tile) => tile.element.contains(element)));
        where.textContent = tell(element.item);
      }

      function goOut() {
        if (isGroup()) return show(view.outer, tree.children(view.node)[view.from]);
        if (view.node !== 0) show(whole(tree.parents[view.node]), view.node);
      }

      /** The tile that is nearest in a direction, what is beside before what is askew. */
      function neighbour(index, [x, y]) {
        const centre = ({ area }) => [area.left + area.width / 2, area.top + area.height / 2];
        const old = tiles[index];
        const [fromX, fromY] = centre(old);
        let best = -1;
        let least = Infinity;
        tiles.forEach((tile, other) => {
          const [toX, toY] = centre(tile);
          const gap = x !== 0
            ? (x > 0 ? tile.area.left - old.area.left - old.area.width : old.area.left - tile.area.left - tile.area.width)
            : (y > 0 ? tile.area.top - old.area.top - old.area.height : old.area.top - tile.area.top - tile.area.height);
          if (other === index || gap < -0.5) return;
          const aside = x !== 0 ? Math.abs(toY - fromY) : Math.abs(toX - fromX);
          const distance = gap * 4 + aside;
          if (distance < least) [best, least] = [other, distance];
        });
        return best < 0 ? index : best;
      }

      const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      box.addEventListener("keydown", (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const index = tiles.findIndex((tile) => tile.element === document.activeElement);
        if (index < 0) return;
        if (directions[event.key]) focusTile(neighbour(index, directions[event.key]));
        else if (event.key === "Home") focusTile(0);
        else if (event.key === "End") focusTile(tiles.length - 1);
        else if (event.key === "Enter" || event.key === " ") open(tiles[index].element);
        else if (event.key === "Escape" || event.key === "Backspace") goOut();
        else return;
        event.preventDefault();
      });
      box.addEventListener("click", (event) => {
        const element = event.target.closest(".tile");
        if (element) open(element);
      });
      box.addEventListener("mouseover", (event) => {
        const element = event.target.closest(".tile");
        if (element) where.textContent = tell(element.item);
      });
      box.addEventListener("focusin", (event) => { where.textContent = tell(event.target.item); });
      new ResizeObserver(() => {
        if (box.clientWidth !== width || box.clientHeight !== height) draw();
      }).observe(box);
      draw();
    }

    """#
}
