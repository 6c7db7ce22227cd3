// A Plotly figure as a slide: 16:9, opaque, light, titled, in letters for a room. It is the same for
// a chart on a page (`ui/sharing`) and for one that a browser on the server draws (`slide.py`).

const SLIDE = { width: 1280, height: 720, scale: 2 };
const SLIDE_INK = "#1b2430";
const SLIDE_FAINT = "#5b6875";
const SLIDE_GRID = "#d9dfe5";
const SLIDE_LINE = 74; // letters of a title on one line

function slideText(text) {
  const safe = text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const joined = safe.replace(/(\d) (ms|µs|s|%|MB|threads)\b/g, "$1\u00a0$2"); // with their units
  const lines = [""];
  for (const word of joined.split(/ +/)) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length > SLIDE_LINE && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines.slice(0, 3).join("<br>");
}

function slideAxis(axis) {
  const title = typeof axis.title === "string" ? { text: axis.title } : axis.title;
  return {
    ...axis,
    title: { ...title, standoff: 6, font: { size: 22, color: SLIDE_INK } },
    tickfont: { size: 18, color: SLIDE_INK },
    gridcolor: SLIDE_GRID,
    linecolor: SLIDE_GRID,
    zerolinecolor: SLIDE_GRID,
    automargin: true,
  };
}

function slideTrace(trace) {
  if (trace.type && !["scatter", "scattergl"].includes(trace.type)) return trace;
  const made = { ...trace, textfont: { ...trace.textfont, size: 18 } };
  if (trace.marker) {
    const size = trace.marker.size ?? 8;
    const larger = Array.isArray(size) ? size.map((one) => 1.4 * one) : 1.4 * size;
    made.marker = { ...trace.marker, size: larger };
  }
  if (trace.line) made.line = { ...trace.line, width: 1.5 * (trace.line.width ?? 2) };
  return made;
}

function slideOf(figure, title, foot) {
  const { data, layout } = figure;
  const said = slideText(title);
  const lines = said.split("<br>").length;
  const axes = Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
  const notes = (layout.annotations ?? []).map((note) => ({
    ...note,
    font: { ...note.font, size: Math.max(18, note.font?.size ?? 0) },
  }));
  return {
    data: data.map(slideTrace),
    layout: {
      ...layout,
      ...{ width: SLIDE.width, height: SLIDE.height, autosize: false, template: {} },
      ...{ paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff" },
      font: { family: "system-ui, sans-serif", size: 18, color: SLIDE_INK },
      title: {
        ...{ text: `<b>${said}</b>`, x: 0.03, xanchor: "left", y: 0.93, yanchor: "top" },
        font: { size: 28, color: SLIDE_INK },
        subtitle: { text: slideText(foot), font: { size: 18, color: SLIDE_FAINT } },
      },
      margin: { l: 104, r: 50, t: 112 + 36 * lines, b: 110 },
      legend: { ...layout.legend, font: { size: 18, color: SLIDE_INK } },
      ...Object.fromEntries(axes.map((name) => [name, slideAxis(layout[name])])),
      annotations: notes,
    },
  };
}
