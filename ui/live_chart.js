// Draws a Plotly figure and redraws it in place, so that zoom survives live updates
// (Streamlit's own chart starts anew whenever its data change). A click reports its trial.

let loading;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("vendor/plotly.min.js", document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

function themed(layout, box) {
  const style = getComputedStyle(box);
  const color = (name) => style.getPropertyValue(`--st-${name}-color`).trim();
  const axis = (own) => ({
    ...own,
    title: { ...own.title, font: { size: 13 } },
    gridcolor: color("border"),
    linecolor: color("border"),
    zeroline: false,
    automargin: true,
  });
  return {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("text"), family: style.fontFamily, size: 13 },
    hoverlabel: { bgcolor: color("secondary-background"), font: { color: color("text") }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: color("border"), activecolor: color("primary") },
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
  };
}

// Plotly keeps a zoom only while the given range stays the same; ours follows the data.
function zoomKept(layout, box) {
  const given = { view: layout.uirevision, xaxis: layout.xaxis.range, yaxis: layout.yaxis.range };
  const before = box.given;
  box.given = given;
  if (before?.view === given.view) {
    for (const axis of ["xaxis", "yaxis"]) {
      const now = box.layout[axis].range;
      // An empty chart has no range of its own: what Plotly made up for it is nobody's zoom.
      if (before[axis] && String(now) !== String(before[axis])) layout[axis].range = now;
    }
  }
  return layout;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".live-chart");
  const figure = JSON.parse(data.figure);
  const config = {
    displaylogo: false,
    responsive: true,
    showSendToCloud: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"], // nothing leaves the machine
  };
  box.setAttribute("aria-label", data.alt);
  plotly().then(async (Plotly) => {
    await Plotly.react(box, figure.data, themed(zoomKept(figure.layout, box), box), config);
    box.removeAllListeners("plotly_click");
    box.on("plotly_click", (event) => {
      const trial = event.points.find((point) => point.customdata);
      if (trial) setTriggerValue("picked", trial.customdata[0]);
    });
  });
}
