/// How pages look, on screens light and dark and on paper.
///
/// Every text has a contrast of at least 4.5 to what it stands on, tiles included; nothing moves.
enum PageStyle {
  /// The style sheet.
  static let source = #"""
    :root {
      color-scheme: light dark;
      --page: #ffffff; --panel: #f4f6f8; --text: #1c2733; --muted: #4d5c69; --line: #d3dae0; --accent: #0b57a8;
      --focus: #0b57a8; --tile-text: #14202b; --tile-edge: #ffffff; --folder: #e3e8ed; --gone: #c3cad1; --bar: #5b93cf;
      --added: #9bdcaa; --changed: #f3cd7d; --same: #d7dee4; --s0: #b93c0a; --s1: #2058c9; --s2: #0d6b62; --s3: #7331c4;
      --s4: #8a5a00; --s5: #5c6873;
      --l0: #a3bdf5; --l1: #95d0fd; --l2: #8be1f9; --l3: #8dedeb; --l4: #9df2d3; --l5: #b5efb7; --l6: #cfe49b;
      --l7: #e4d385; --l8: #f1bf7b; --l9: #f5aa80;
      --h0: #73b0ee; --h1: #89bcf2; --h2: #9ec9f6; --h3: #b3d5f9; --h4: #ede5c4; --h5: #eeddb5; --h6: #f1ca99;
      --h7: #f5b484; --h8: #f89d78; --h9: #f88479;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #10161c; --panel: #1a222b; --text: #e6ebf0; --muted: #a7b4c0; --line: #36424e; --accent: #8bbffa;
        --focus: #ffd166; --tile-text: #f1f5f8; --tile-edge: #10161c; --folder: #27313b; --gone: #3a444e; --bar: #5b93cf;
        --added: #1f5c31; --changed: #694a08; --same: #323d48; --s0: #ff9d66; --s1: #86b5ff; --s2: #4fd1c1; --s3: #c79bff;
        --s4: #e6bd55; --s5: #a7b4c0;
        --l0: #31487e; --l1: #0a547e; --l2: #005f75; --l3: #006665; --l4: #00684f; --l5: #316635; --l6: #4e5e18;
        --l7: #615300; --l8: #6d4500; --l9: #723812;
        --h0: #225b90; --h1: #275888; --h2: #2b5680; --h3: #2f5479; --h4: #50481d; --h5: #60460d; --h6: #6f4200;
        --h7: #7e3d00; --h8: #8c3611; --h9: #972e29;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; max-width: 1180px; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--text);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
    }
    h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.4rem; overflow-wrap: anywhere; }
    h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; }
    h3 { font-size: 1rem; margin: 1.4rem 0 0.4rem; }
    p { margin: 0.4rem 0; max-width: 52rem; }
    a { color: var(--accent); }
    code, .code { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; font-size: 0.875em; overflow-wrap: anywhere; }
    header nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; list-style: none; margin: 0.8rem 0 0; padding: 0; }
    footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--muted); font-size: 0.875rem; }
    .skip { position: absolute; left: -100vw; }
    .skip:focus { position: static; }
    .note, caption { color: var(--muted); font-size: 0.9rem; }
    [hidden] { display: none !important; }
    :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }

    .facts { display: flex; flex-wrap: wrap; gap: 0.6rem; list-style: none; margin: 1rem 0; padding: 0; }
    .facts li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.5rem 0.9rem; min-width: 8.5rem; }
    .facts b { display: block; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
    .facts span { color: var(--muted); font-size: 0.85rem; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.2rem; margin: 0.6rem 0; }
    dt { color: var(--muted); }
    dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
    dd ul { list-style: none; margin: 0; padding: 0; }

    .scroll { overflow-x: auto; border-radius: 4px; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
    caption { text-align: left; padding: 0.2rem 0; }
    th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line); }
    th { vertical-align: bottom; font-weight: 600; white-space: nowrap; }
    td { overflow-wrap: anywhere; min-width: 6.5rem; }
    td.number { min-width: 0; }
    .number { text-align: right; white-space: nowrap; }
    tbody tr:hover { background: var(--panel); }
    tbody tr:focus-visible { outline-offset: -3px; }
    th button { font: inherit; font-weight: 600; color: var(--text); background: none; border: 0; padding: 0.1rem 0.2rem; margin: 0 -0.2rem; cursor: pointer; display: inline-flex; align-items: baseline; white-space: nowrap; }
    th.number button { flex-direction: row-reverse; }
    th button::after { content: ""; width: 1.4em; text-align: center; }
    th[aria-sort="ascending"] button::after { content: "\25B2"; font-size: 0.7em; }
    th[aria-sort="descending"] button::after { content: "\25BC"; font-size: 0.7em; }
    td details { margin: 0; }
    summary { cursor: pointer; color: var(--accent); white-space: nowrap; }
    details ul { margin: 0.3rem 0; padding-left: 1.1rem; }
    .badge { display: inline-block; border: 1px solid var(--line); border-radius: 999px; padding: 0 0.55rem; font-size: 0.8rem; background: var(--panel); color: var(--text); white-space: nowrap; }
    .bar { display: block; width: 7rem; height: 0.8rem; margin-top: 0.35rem; }
    .bar .all { fill: var(--panel); stroke: var(--line); }
    .bar .part { fill: var(--bar); }
    .tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; margin: 0.6rem 0; font-size: 0.9rem; }
    .tools label { display: inline-flex; align-items: center; gap: 0.5rem; }
    .tools button, input, select { font: inherit; color: var(--text); background: var(--page); border: 1px solid var(--muted); border-radius: 6px; padding: 0.25rem 0.6rem; }
    .tools button { cursor: pointer; background: var(--panel); }
    .tools button:disabled { cursor: default; color: var(--muted); border-color: var(--line); }
    input[type="search"] { width: min(22rem, 60vw); }

    .trail { display: flex; flex-wrap: wrap; list-style: none; margin: 0.6rem 0 0.4rem; padding: 0; font-size: 0.95rem; }
    .trail button { font: inherit; color: var(--accent); background: none; border: 0; border-radius: 4px; padding: 0.1rem 0.3rem; cursor: pointer; text-decoration: underline; overflow-wrap: anywhere; text-align: left; }
    .trail [aria-current] { color: var(--text); padding: 0.1rem 0.3rem; font-weight: 600; overflow-wrap: anywhere; }
    .trail li + li::before { content: "\203A"; color: var(--muted); }
    .tiles { position: relative; height: clamp(320px, 62vh, 640px); background: var(--panel); overflow: hidden; contain: strict; }
    .tile { position: absolute; overflow: hidden; border: 1px solid var(--tile-edge); color: var(--tile-text); background: var(--folder); font-size: 12px; line-height: 15px; cursor: default; }
    .tile[data-open] { cursor: zoom-in; }
    .tile > b { display: block; font-weight: 400; padding: 1px 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; pointer-events: none; }
    .tile > b + b { padding-top: 0; }
    .tile:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; z-index: 1; }
    .tiles > .tile:hover { border-color: var(--text); }
    .where { min-height: 3em; margin: 0.4rem 0; max-width: none; overflow-wrap: anywhere; }
    .legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; list-style: none; margin: 0.4rem 0; padding: 0; font-size: 0.9rem; }
    .legend li { display: inline-flex; align-items: center; gap: 0.4rem; }
    .swatch { width: 1.1rem; height: 1.1rem; border: 1px solid var(--muted); }
    .legend svg { width: 2.2rem; height: 0.8rem; }
    .l0 { background: var(--l0); } .l1 { background: var(--l1); } .l2 { background: var(--l2); } .l3 { background: var(--l3); }
    .l4 { background: var(--l4); } .l5 { background: var(--l5); } .l6 { background: var(--l6); } .l7 { background: var(--l7); }
    .l8 { background: var(--l8); } .l9 { background: var(--l9); }
    .h0 { background: var(--h0); } .h1 { background: var(--h1); } .h2 { background: var(--h2); } .h3 { background: var(--h3); }
    .h4 { background: var(--h4); } .h5 { background: var(--h5); } .h6 { background: var(--h6); } .h7 { background: var(--h7); }
    .h8 { background: var(--h8); } .h9 { background: var(--h9); }
    .added { background: var(--added); } .changed { background: var(--changed); } .same { background: var(--same); } .several { background: var(--folder); }
    .gone { background: repeating-linear-gradient(45deg, var(--gone) 0 5px, var(--folder) 5px 10px); }

    .chart { min-width: 640px; width: 100%; height: auto; display: block; }
    .chart text { font: 12px system-ui, "Liberation Sans", sans-serif; fill: var(--text); }
    .chart .grid { stroke: var(--line); fill: none; }
    .chart .axis { stroke: var(--muted); fill: none; }
    .line { fill: none; stroke-width: 1.6; }
    .line.s0 { stroke: var(--s0); stroke-width: 3; } .line.s1 { stroke: var(--s1); stroke-dasharray: 8 3; }
    .line.s2 { stroke: var(--s2); stroke-dasharray: 3 3; } .line.s3 { stroke: var(--s3); stroke-dasharray: 10 3 2 3; }
    .line.s4 { stroke: var(--s4); stroke-dasharray: 1 3; stroke-linecap: round; } .line.s5 { stroke: var(--s5); }
    .area.s0 { fill: var(--s0); } .area.s5 { fill: var(--s5); }

    @media (forced-colors: active) {
      .tile { border-color: CanvasText; }
      .swatch, .bar .part { forced-color-adjust: none; }
    }
    @media print {
      body { max-width: none; padding: 0; font-size: 11pt; }
      nav, .skip, .keys, .where, .tools { display: none; }
      .scroll { overflow: visible; }
      .tiles, .chart, tr { break-inside: avoid; }
      h2, h3 { break-after: avoid; }
      .tile, .swatch, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }
    """#
}
