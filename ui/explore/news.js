// Asks the server for a study's stamp and tells it when it has changed, so that the page is drawn
// anew only when there is something new. A hidden page asks nothing.

const EVERY_MS = 250;

async function watch({ url, stamp }, signal, tell) {
  let known = stamp;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden || signal.aborted) continue;
    try {
      const answer = await fetch(new URL(url, document.baseURI), { signal });
      const found = answer.ok ? await answer.text() : known;
      if (found !== known && !signal.aborted) tell((known = found));
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
