/// What a treemap is drawn from: a tree's sums and orders, and the division of an area as Bruls, Huizing and van Wijk
/// describe it (2000).
enum TreeScript {
  /// The script.
  static let source = #"""
    /** What a tree's arrays say of its nodes: children, bytes, and leaves below each. A parent comes before its children. */
    class Tree {
      constructor(parents, sizes) {
        const count = parents.length;
        this.parents = parents;
        this.bytes = Float64Array.from(sizes);
        this.leaves = new Int32Array(count);
        this.largest = Int32Array.from({ length: count }, (_, node) => node);
        this.first = new Int32Array(count).fill(-1);
        this.next = new Int32Array(count).fill(-1);
        this.sorted = new Map();
        const best = Float64Array.from(sizes);
        for (let node = count - 1; node > 0; node -= 1) {
          const parent = parents[node];
          if (this.first[node] < 0) this.leaves[node] = 1;
          this.bytes[parent] += this.bytes[node];
          this.leaves[parent] += this.leaves[node];
          this.next[node] = this.first[parent];
          this.first[parent] = node;
          if (best[node] >= best[parent]) {
            best[parent] = best[node];
            this.largest[parent] = this.largest[node];
          }
        }
      }

      isLeaf(node) { return this.first[node] < 0; }

      /** The children that have bytes, the largest first. */
      children(node) {
        let list = this.sorted.get(node);
        if (!list) {
          list = [];
          for (let child = this.first[node]; child >= 0; child = this.next[child]) {
            if (this.bytes[child] > 0) list.push(child);
          }
          list.sort((a, b) => this.bytes[b] - this.bytes[a] || a - b);
          this.sorted.set(node, list);
        }
        return list;
      }

      /** From the root to a node. */
      path(node) {
        const list = [node];
        while (list[0] !== 0) list.unshift(this.parents[list[0]]);
        return list;
      }
    }

    /** Divides an area in proportion to sizes, which descend, into rectangles that are as square as may be. */
    function squarified(sizes, area) {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const scale = total > 0 ? (area.width * area.height) / total : 0;
      let { left, top, width, height } = area;
      const result = [];
      const worst = (largest, smallest, sum, side) =>
        Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
      let start = 0;
      while (start < sizes.length) {
        const side = Math.min(width, height);
        let sum = 0;
        let end = start;
        let ratio = Infinity;
        while (end < sizes.length) {
          const next = sum + sizes[end] * scale;
          const nextRatio = worst(sizes[start] * scale, sizes[end] * scale, next, side);
          if (end > start && nextRatio > ratio) break;
          [sum, ratio] = [next, nextRatio];
          end += 1;
        }
        const depth = side > 0 ? sum / side : 0;
        const isColumn = width >= height;
        let offset = 0;
        for (const size of sizes.slice(start, end)) {
          const length = depth > 0 ? (size * scale) / depth : 0;
          result.push(isColumn
            ? { left, top: top + offset, width: depth, height: length }
            : { left: left + offset, top, width: length, height: depth });
          offset += length;
        }
        if (isColumn) [left, width] = [left + depth, Math.max(0, width - depth)];
        else [top, height] = [top + depth, Math.max(0, height - depth)];
        start = end;
      }
      return result;
    }

    """#
}
