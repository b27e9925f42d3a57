/// Draws the page of a plan.
enum PlanPageScript {
  /// The script.
  static let source = #"""
    {
      const { name, path, parent, size, chance } = data.tree;
      const steps = 10;
      const departed = -2;
      const tone = (node) => {
        if (chance[node] === departed) return "gone";
        const share = Math.sqrt(Math.max(0, Math.min(1, chance[node] / 1000)));
        return `h${Math.round(share * (steps - 1))}`;
      };
      const marks = [0, 1, 5, 10, 20, 50, 100];
      const shade = (percent) => `h${Math.round(Math.sqrt(percent / 100) * (steps - 1))}`;
      treemap({
        parents: parent,
        sizes: size,
        names: name,
        modes: [{
          title: "change",
          tone,
          legend: [...marks.map((percent) => [shade(percent), `changes with ${percent}%`]), ["gone", "departed, hidden above"]],
        }],
        describe: (node) => ({
          name: path[node],
          more: chance[node] >= 0 ? `changes with ${percentText(chance[node] / 1000)} of versions` : "",
        }),
      });
    }

    """#
}
