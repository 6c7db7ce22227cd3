// Draws the candidates of a search in place, so that rows glide to their new places and fade as
// they lose; the clock ticks here. A click on a candidate that is a trial reports its number.

const MARKS = { picked: "♛", "in the running": "●", timed: "○", "not chosen": "✕", slower: "▾", failed: "!" };
const LOST = new Set(["not chosen", "slower", "failed"]);
const GLIDE_MS = 500;
const SVG = "http://www.w3.org/2000/svg";

function make(tag, parent, name = "") {
  const made = document.createElement(tag);
  made.className = name;
  parent.append(made);
  return made;
}

function built(box) {
  const header = make("header", box);
  const parts = { header, doing: make("span", header, "doing"), clock: make("span", header, "clock") };
  parts.bar = make("i", make("div", header, "track"));
  parts.details = make("details", box);
  parts.summary = make("summary", parts.details);
  parts.list = make("ol", parts.details);
  parts.rows = new Map();
  return parts;
}

function newRow(list) {
  const row = make("li", list);
  const parts = { row, said: make("span", row, "said"), recipe: make("span", row, "recipe") };
  parts.svg = row.appendChild(document.createElementNS(SVG, "svg"));
  parts.svg.setAttribute("aria-hidden", "true");
  for (const [name, tag] of [["one", "line"], ["bar", "line"], ["point", "circle"]]) {
    parts[name] = parts.svg.appendChild(document.createElementNS(SVG, tag));
    parts[name].setAttribute("class", name);
  }
  parts.figures = make("span", row, "figures");
  parts.why = make("span", row, "why");
  return parts;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function drawGain(parts, gain, [least, most]) {
  const place = (value) => {
    const share = Math.log(value / least) / Math.log(most / least);
    return `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  };
  set(parts.one, { x1: place(1), x2: place(1), y1: 0, y2: "100%" });
  parts.svg.style.visibility = gain ? "visible" : "hidden";
  if (!gain) return;
  const [low, value, high] = gain;
  set(parts.bar, { x1: place(low), x2: place(high), y1: "50%", y2: "50%" });
  set(parts.point, { cx: place(value), cy: "50%", r: 4.5 });
}

function drawRow(parts, data, scale, choose) {
  const { row } = parts;
  row.className = [data.state === "picked" && "picked", LOST.has(data.state) && "lost", data.busy && "busy"]
    .filter(Boolean)
    .join(" ");
  parts.said.textContent = `${MARKS[data.state]} ${data.said}`;
  parts.recipe.textContent = parts.recipe.title = data.recipe;
  parts.figures.textContent = data.figures;
  parts.why.textContent = parts.why.title = data.why;
  drawGain(parts, data.gain, scale);
  const open = data.trial === null ? null : () => choose(data.trial);
  row.onclick = open;
  row.onkeydown = open && ((event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), open()));
  if (open) set(row, { tabindex: 0, "aria-label": `${data.said}: ${data.recipe}, ${data.figures}. Opens trial ${data.trial}.` });
  else ["tabindex", "aria-label"].forEach((name) => row.removeAttribute(name));
}

function drawRows(parts, data, choose) {
  const before = new Map([...parts.rows].map(([recipe, { row }]) => [recipe, row.offsetTop]));
  for (const recipe of parts.rows.keys()) {
    if (!data.rows.some((row) => row.recipe === recipe)) {
      parts.rows.get(recipe).row.remove();
      parts.rows.delete(recipe);
    }
  }
  data.rows.forEach((row, i) => {
    if (!parts.rows.has(row.recipe)) parts.rows.set(row.recipe, newRow(parts.list));
    const drawn = parts.rows.get(row.recipe);
    if (parts.list.children[i] !== drawn.row) parts.list.insertBefore(drawn.row, parts.list.children[i] ?? null);
    drawRow(drawn, row, data.scale, choose);
  });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [recipe, { row }] of parts.rows) {
    const moved = before.has(recipe) ? before.get(recipe) - row.offsetTop : 0;
    const from = before.has(recipe) ? { transform: `translateY(${moved}px)` } : { opacity: 0 };
    if (moved || !before.has(recipe)) row.animate([from, {}], { duration: GLIDE_MS, easing: "ease-out" });
  }
}

function tick(parts, data, began) {
  const passed = data.elapsed + (data.ticking ? (performance.now() - began) / 1000 : 0);
  const shown = Math.min(passed, data.budget);
  parts.clock.textContent = `${shown.toFixed(0)} of ${data.budget.toFixed(0)} s`;
  parts.bar.style.width = `${(100 * shown) / data.budget}%`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".race");
  const parts = (box.parts ??= built(box));
  const began = performance.now();
  if (box.running !== data.running) parts.details.open = data.running;
  box.running = data.running;
  parts.header.hidden = !data.running;
  parts.header.style.display = data.running ? "" : "none";
  parts.doing.textContent = parts.doing.title = `Now ${data.doing}`;
  const left = data.left ? `, ${data.left} not reached` : "";
  parts.summary.textContent = `${data.running ? "Tried so far" : "What was tried"}: ${data.rows.length} candidates${left}. Gains are relative to the original (dashed).`;
  drawRows(parts, data, (trial) => setTriggerValue("picked", trial));
  clearInterval(box.clock);
  tick(parts, data, began);
  if (data.ticking) box.clock = setInterval(() => tick(parts, data, began), 500);
  return () => clearInterval(box.clock);
}
