// Draws a Plotly figure and redraws it in place, so that zoom survives live updates
// (Streamlit's own chart starts anew whenever its data change). A click reports its trial.
// `plotly` is that of `plotly.js`, which Python puts before this.

const GREY = "#8593a3";
const NARROW = 420; // pixels
const INK = "#1b2430"; // as `optim.showing.chart` writes it

function themed(layout, box) {
  const style = getComputedStyle(box);
  const size = layout.font?.size ?? 13;
  const color = (name) => style.getPropertyValue(`--st-${name}-color`).trim();
  const axis = (own) => ({
    ...own,
    title: { ...own.title, font: { size } },
    gridcolor: color("border"),
    linecolor: color("border"),
    zeroline: false,
    automargin: true,
  });
  return {
    ...layout,
    annotations: roomFor(layout.annotations, box),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("text"), family: style.fontFamily, size },
    hoverlabel: { bgcolor: color("secondary-background"), font: { color: color("text") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: GREY, activecolor: color("primary") },
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
  };
}

// On a phone names of points would lie on the axes and on each other; zones are named at edges only.
function roomFor(notes, box) {
  if (!notes || box.clientWidth >= NARROW) return notes;
  return notes.filter(({ name, text }) => name !== "label" && !(name === "zone" && text.startsWith("all of it")));
}

// Outlines and fronts take the colour of the page's text.
function inked(data, box) {
  const ink = getComputedStyle(box).getPropertyValue("--st-text-color").trim();
  const own = (color) => (color === INK ? ink : color);
  for (const trace of data) {
    if (trace.line) trace.line.color = own(trace.line.color);
    const line = trace.marker?.line;
    if (Array.isArray(line?.color)) line.color = line.color.map(own);
  }
  return data;
}

// The bars of the point that is pointed at, where there are too many to draw them all.
function bars(Plotly, box, point) {
  const index = box.data.findIndex((trace) => trace.meta === "pointed-at");
  const [, right, left, up, down] = point?.customdata ?? [];
  const error = (most, least) => ({ type: "data", symmetric: false, array: [most], arrayminus: [least], color: GREY });
  const shown = right !== undefined;
  if (index < 0 || (!shown && !box.data[index].x?.length)) return;
  Plotly.restyle(box, {
    x: [shown ? [point.x] : []],
    y: [shown ? [point.y] : []],
    error_x: shown ? error(right, left) : { array: [] },
    error_y: shown ? error(up, down) : { array: [] },
  }, [index]);
}

// Plotly keeps a zoom only while the given range stays the same; ours follows the data.
function zoomKept(layout, box) {
  // As text: Plotly writes a zoom into the very array that it was given.
  const given = {
    view: layout.uirevision,
    xaxis: String(layout.xaxis.range ?? ""),
    yaxis: String(layout.yaxis.range ?? ""),
  };
  const before = box.given;
  box.given = given;
  if (before?.view === given.view) {
    for (const axis of ["xaxis", "yaxis"]) {
      const { range: now, autorange } = box.layout[axis]; // a double click: the whole again
      // An empty chart has no range of its own: what Plotly made up for it is nobody's zoom.
      if (before[axis] && !autorange && String(now) !== before[axis]) layout[axis].range = now;
    }
  }
  return layout;
}

// Where a point stands; what is past the axis is drawn on one of its own, and comes last.
function across(trace, i) {
  return trace.xaxis === "x2" ? Infinity : trace.x[i];
}

// The whole legend is seen, in as many rows as it needs at this width: the chart grows by them, and
// the plot keeps its size. Plotly itself would have it scroll.
function withRows(layout, rows) {
  const { height, margin, legend } = layout;
  const grown = { ...legend, maxheight: legend.maxheight + rows };
  return { ...layout, height: height + rows, margin: { ...margin, b: margin.b + rows }, legend: grown };
}

async function drawn(Plotly, box, data, layout, config) {
  const draw = (rows) => Plotly.react(box, data, withRows(layout, rows), config);
  await draw(box.rows ?? 0);
  const legend = () => box._fullLayout.legend?._height ?? 0;
  const rows = Math.max(0, Math.ceil(legend() - layout.legend.maxheight));
  if (rows !== (box.rows ?? 0)) {
    box.rows = rows;
    await draw(rows);
  }
  box.style.setProperty("--legend", `${legend()}px`); // what lies over the chart keeps off it
}

// Names and the legend's rows are those of a width: a phone is turned, a window is made narrower.
function atEachWidth(box, draw) {
  let width = box.clientWidth;
  box.watch?.disconnect();
  box.watch = new ResizeObserver(() => {
    if (box.clientWidth === width || !box.clientWidth) return;
    width = box.clientWidth;
    draw();
  });
  box.watch.observe(box);
}

// For the keyboard: the arrows walk over the points from left to right and choose as a click does.
function walk(box, event, choose) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const points = box.data
    .flatMap((trace) => (trace.customdata ?? []).map(([number], i) => ({ number, x: across(trace, i) })))
    .sort((a, b) => (a.x === b.x ? a.number - b.number : a.x - b.x));
  if (!step || !points.length) return;
  event.preventDefault();
  const at = points.findIndex((point) => point.number === box.chosen);
  box.chosen = points.at((at + step) % points.length).number;
  choose(box.chosen);
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data.figure) {
    requestIdleCallback(() => plotly()); // which would take the deadline it is called with for a build
    return;
  }
  const box = parentElement.querySelector(".live-chart");
  const figure = JSON.parse(data.figure);
  const config = {
    displaylogo: false,
    responsive: true,
    showSendToCloud: false, // nothing leaves the machine
    doubleClick: "autosize", // "reset" would go back to the range of the first few points
    modeBarButtonsToRemove: ["select2d", "lasso2d", "resetScale2d", "sendChartToCloud"],
  };
  const choose = (number) => setTriggerValue("picked", number);
  box.setAttribute("aria-label", `${data.alt}. The left and right arrow keys choose a point.`);
  box.dataset.told = data.told;
  box.chosen = data.chosen;
  box.style.minHeight = `${figure.layout.height + (box.rows ?? 0)}px`; // nothing below it moves
  plotly().then(async (Plotly) => {
    const draw = () =>
      drawn(Plotly, box, inked(figure.data, box), themed(zoomKept(figure.layout, box), box), config);
    await draw();
    atEachWidth(box, draw);
    for (const event of ["plotly_click", "plotly_hover", "plotly_unhover"]) box.removeAllListeners(event);
    box.on("plotly_click", (event) => {
      const trial = event.points.find((point) => point.customdata);
      if (trial) choose(trial.customdata[0]);
    });
    box.on("plotly_hover", (event) => bars(Plotly, box, event.points.find((point) => point.customdata)));
    box.on("plotly_unhover", () => bars(Plotly, box));
    box.onkeydown = (event) => walk(box, event, choose);
  });
}
