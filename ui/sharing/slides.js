// Slide pictures in the browser, with nothing to install: of one figure by a button of its own, and
// of every Plotly chart on a page by a small one in its corner. `slideOf` is that of `slide.js`
// and `plotly` and `buildFor` those of `plotly.js`, which Python puts before this.

const SOON_MS = 400;

async function takeSlide(button, figure, title, foot, name) {
  button.disabled = true;
  try {
    const { data, layout } = slideOf(figure, title, foot);
    const Plotly = await plotly(buildFor(data));
    const link = document.createElement("a");
    link.href = await Plotly.toImage({ data, layout }, { format: "png", ...SLIDE });
    link.download = `${name}.png`;
    link.click();
  } finally {
    button.disabled = false;
  }
}

function fileName(text) {
  return text.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "slide";
}

// What a chart shows: its own name, else the last heading or bold line before it.
function titleOf(plot) {
  const named = plot.getAttribute("aria-label")?.split(". ")[0];
  if (named) return named;
  const before = [...document.querySelectorAll("[data-testid=stMain] :is(h1, h2, h3, h4, strong)")]
    .filter((one) => one.compareDocumentPosition(plot) & Node.DOCUMENT_POSITION_FOLLOWING)
    .map((one) => one.textContent.trim())
    .filter(Boolean);
  return before.at(-1) ?? "";
}

function corner(plot, about) {
  if (!plot.layout || plot.querySelector(":scope > .slide-button")) return;
  const button = document.createElement("button");
  button.className = "slide-button";
  button.textContent = "Slide";
  button.title = "Take this chart as a picture for a slide: 16:9, light, 2560 x 1440";
  button.setAttribute("aria-label", "Slide picture of this chart");
  button.onclick = (event) => {
    event.stopPropagation();
    const title = plot.dataset.told || [about, titleOf(plot)].filter(Boolean).join(": ");
    const today = new Date().toISOString().slice(0, 10);
    takeSlide(button, { data: plot.data, layout: plot.layout }, title, today, fileName(title));
  };
  plot.append(button);
}

// Charts come and go while a page is drawn anew: looked for soon after anything changes.
function everyChart(about, signal) {
  let waiting = null;
  const mark = () => {
    waiting = null;
    document.querySelectorAll(".js-plotly-plot").forEach((plot) => corner(plot, about));
  };
  const watch = new MutationObserver(() => (waiting ??= setTimeout(mark, SOON_MS)));
  watch.observe(document.body, { childList: true, subtree: true });
  signal.addEventListener("abort", () => {
    watch.disconnect();
    clearTimeout(waiting);
  });
  mark();
}

export default function ({ data, parentElement }) {
  parentElement.stop?.abort();
  const stop = (parentElement.stop = new AbortController());
  const button = parentElement.querySelector("button");
  if (data.figure) {
    button.onclick = () =>
      takeSlide(button, JSON.parse(data.figure), data.title, data.foot, fileName(data.title));
  } else {
    everyChart(data.about, stop.signal);
  }
  return () => stop.abort();
}
