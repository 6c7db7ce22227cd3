// Plotly, each build of it read once by whoever asks first. For points, lines and bars the small one
// does, which a browser reads in a seventh of the time; Explore opens with its script tag.
const SMALL = "plotly-basic";
const IN_SMALL = new Set(["scatter", "bar", "pie"]);

function buildFor(data) {
  return data.every(({ type }) => IN_SMALL.has(type ?? "scatter")) ? SMALL : "plotly";
}

function plotly(build = SMALL) {
  const loading = (window.plotlyLoading ??= {});
  loading[build] ??= new Promise((resolve, reject) => {
    if (build === SMALL && window.Plotly) return resolve(window.Plotly);
    const file = `vendor/${build}.min.js`;
    const script = document.querySelector(`script[src$='${file}']`) ?? document.createElement("script");
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", reject);
    if (script.isConnected) return;
    script.src = new URL(file, document.baseURI);
    document.head.append(script);
  });
  return loading[build];
}
