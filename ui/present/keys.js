// The keys of presenter mode, wherever the focus is but in a field; the height there is to draw in;
// and, while a replay runs, its ticks. A tick is asked for once what the last one brought is drawn.

const KEYS = {
  ArrowLeft: "faster",
  PageUp: "faster",
  ArrowRight: "slower",
  PageDown: "slower",
  Escape: "leave",
};

function inField(element) {
  return element?.closest?.("input, textarea, select, [contenteditable=true], [role=combobox]");
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  parentElement.stop?.();
  const stop = new AbortController();
  const pressed = (event) => {
    const meant = KEYS[event.key];
    const modified = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
    if (!meant || modified || inField(event.target)) return;
    if (event.key === "Escape" && document.querySelector("[data-testid=stPopoverBody]")) return;
    event.preventDefault();
    event.stopPropagation(); // the chart's own arrows walk over all of its points
    setTriggerValue("pressed", meant);
  };
  document.addEventListener("keydown", pressed, { capture: true, signal: stop.signal });
  let told = data.height;
  const tell = () => {
    if (Math.abs(window.innerHeight - told) > 8) setStateValue("height", (told = window.innerHeight));
  };
  window.addEventListener("resize", tell, { signal: stop.signal });
  tell();
  const timer = data.tick_ms && setTimeout(() => setTriggerValue("pressed", "tick"), data.tick_ms);
  parentElement.stop = () => {
    stop.abort();
    clearTimeout(timer);
  };
  return parentElement.stop;
}
