// Brings the place where it stands into view, once for each thing that was asked for.

let shown = null;

export default function ({ data, parentElement }) {
  if (shown === data.asked) return;
  shown = data.asked;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const place = parentElement.host ?? parentElement;
  place.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}
