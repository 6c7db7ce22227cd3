// Asks the server for a stamp and tells it when it has changed, so that the page is drawn
// anew only when there is something new. What stands below the stamp is shown as it is: a line that
// changes often. A hidden page asks nothing.

const EVERY_MS = 250;
const AGAIN_MS = 3000; // what was told while the page was being drawn may have been lost
const REST = 2; // times as long as it took to draw: drawing takes a third of a machine at most,
const MOST_MS = 1500; // which may be the one that measures

async function watch({ url, stamp }, from, signal, show, tell) {
  let told = stamp;
  let toldAt = 0;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden || signal.aborted || performance.now() < from) continue;
    try {
      const answer = await fetch(new URL(url, document.baseURI), { signal });
      const there = answer.status < 500; // 404 and 410 are news: the study, or the store, is gone
      const [found, line = ""] = there ? (await answer.text()).split("\n") : [stamp];
      show(line);
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
  const now = performance.now();
  const took = parentElement.toldAt ? now - parentElement.toldAt : 0;
  parentElement.toldAt = 0;
  const rest = data.eager ? 0 : Math.min(REST * took, MOST_MS);
  const place = parentElement.querySelector(".now");
  const show = (line) => place && (place.textContent = line);
  show(data.line);
  watch(data, now + rest, stop.signal, show, (stamp) => {
    parentElement.toldAt = performance.now();
    setTriggerValue("news", stamp);
  });
  return () => stop.abort();
}
