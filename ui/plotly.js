// Plotly, read once by whoever asks first. The page that Explore opens with has its script tag.
function plotly() {
  window.plotlyLoading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.querySelector("script[src$='plotly.min.js']") ?? document.createElement("script");
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", reject);
    if (script.isConnected) return;
    script.src = new URL("vendor/plotly.min.js", document.baseURI);
    document.head.append(script);
  });
  return window.plotlyLoading;
}
