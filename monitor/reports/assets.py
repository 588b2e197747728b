"""The style and the script of a report's page; in Python, so that they are wherever the package is."""

from typing import Final

STYLE: Final = """\
:root {
  --page: #FFFFFF; --text: #101828; --muted: #667085; --line: #EAECF0; --panel: #F9FAFB;
  --current: #2F6FDE; --good: #087A55; --warning: #9A5B00; --critical: #B42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0F1419; --text: #E6EAF0; --muted: #98A2B3; --line: #232B36; --panel: #161C24;
    --current: #5B93F5; --good: #3CCB9A; --warning: #F0B35A; --critical: #F97066;
  }
}
@media print {
  :root {
    --page: #FFFFFF; --text: #101828; --muted: #667085; --line: #EAECF0; --panel: #F9FAFB;
    --current: #2F6FDE; --good: #087A55; --warning: #9A5B00; --critical: #B42318;
  }
  section, tr { break-inside: avoid; }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1000px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 40px 0 8px; }
h3 { font-size: 16px; margin: 20px 0 4px; }
p { margin: 4px 0 10px; max-width: 75ch; }
ul { margin: 4px 0 10px; padding-left: 20px; }
a { color: var(--current); }
.quiet { color: var(--muted); }
.lead { font-size: 16px; }
.good { color: var(--good); }
.warning { color: var(--warning); }
.critical { color: var(--critical); }
.good, .warning, .critical { font-weight: 600; white-space: nowrap; }
.text { white-space: pre-line; overflow-wrap: anywhere; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: middle; padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; }
td { overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figure { width: 100%; }
td .figure { width: 260px; }
.panel {
  background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: 12px 16px; margin: 8px 0;
}
"""

SCRIPT: Final = """\
"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const draw = (theme) => {
    for (const place of document.querySelectorAll("[data-figure]")) {
      const figure = figures[Number(place.dataset.figure)][theme];
      Plotly.react(place, figure.data, figure.layout, {displayModeBar: false, responsive: true});
    }
  };
  const current = () => (dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => draw(current()));
  window.addEventListener("beforeprint", () => draw("light"));
  window.addEventListener("afterprint", () => draw(current()));
  draw(current());
  document.documentElement.dataset.ready = "yes";
})();
"""
