// Asks the server for a stamp and tells it when it has changed, so that the page is drawn
// anew only when there is something new. A hidden page asks nothing.

const EVERY_MS = 250;
const AGAIN_MS = 3000; // what was told while the page was being drawn may have been lost

async function watch({ url, stamp }, signal, tell) {
  let told = stamp;
  let toldAt = 0;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden || signal.aborted) continue;
    try {
      const answer = await fetch(new URL(url, document.baseURI), { signal });
      const found = answer.ok ? await answer.text() : stamp;
      const due = found !== told || performance.now() - toldAt > AGAIN_MS;
      if (found === stamp || !due || signal.aborted) continue;
      [told, toldAt] = [found, performance.now()];
      tell(found);
    } catch {
      // The server is away for a moment, or the page is closing.
    }
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.stop?.abort();
  const stop = (parentElement.stop = new AbortController());
  watch(data, stop.signal, (stamp) => setTriggerValue("news", stamp));
  return () => stop.abort();
}
