/// What the scripts of all pages begin with.
///
/// What comes from an image reaches the document as text or as a number, never as markup.
enum PageScript {
  /// The script.
  static let source = #"""
    "use strict";
    const byId = (id) => document.getElementById(id);
    const data = JSON.parse(byId("data").textContent);

    /** An element with attributes, and with text or elements in it. */
    function make(tag, attributes = {}, ...children) {
      const element = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) {
        if (value === true) element.setAttribute(name, "");
        else if (value !== false && value !== null) element.setAttribute(name, value);
      }
      element.append(...children);
      return element;
    }

    /** One digit behind the point. */
    function numberText(value) {
      const tenths = Math.round(value * 10);
      return `${Math.floor(tenths / 10)}.${tenths % 10}`;
    }

    function percentText(share) { return `${numberText(share * 100)}%`; }

    function bytesText(count) {
      let value = count;
      for (const unit of ["B", "KiB", "MiB", "GiB"]) {
        if (value < 1024) return unit === "B" ? `${value} B` : `${numberText(value)} ${unit}`;
        value /= 1024;
      }
      return `${numberText(value)} TiB`;
    }

    function countText(count) { return String(count).replace(/\B(?=(\d{3})+$)/g, ","); }

    function counted(count, one, many) { return `${countText(count)} ${count === 1 ? one : many || one + "s"}`; }

    """#
}
