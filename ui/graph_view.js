// Holds the viewer in a frame, which fills the screen when asked: loads graphs when they change,
// lays an overlay over what is drawn, selects a node that the page asks for; reports that it is
// drawn, and a node that was clicked.

const LOOK_MS = 100;
const AGAIN_LOOKS = 20;
const PATIENCE_LOOKS = 600;
const GIVEN_UP_MS = 20_000;

function isDark(box) {
  const color = getComputedStyle(box).getPropertyValue("--st-background-color").trim();
  const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return rgb.reduce((sum, part) => sum + part, 0) < 384;
}

// The viewer keeps its state in its address, which tells whether it has done what it was told.
function state(frame) {
  try {
    const query = new URLSearchParams(frame.contentWindow.location.search);
    return JSON.parse(query.get("data")) ?? {};
  } catch {
    return {};
  }
}

function isDrawn(box) {
  return box.frame.contentDocument?.querySelector("webgl-renderer canvas");
}

// What is said before the graph is drawn is lost, so it is said then, and again until it is done.
// Looks are counted, not time: there is none while the viewer, which may take seconds, is drawing.
function tell(box, key, message, done) {
  clearInterval(box.telling[key]);
  let looks = 0;
  let said = -AGAIN_LOOKS;
  const look = () => {
    looks += 1;
    if (looks > PATIENCE_LOOKS || done(state(box.frame))) return clearInterval(box.telling[key]);
    if (!isDrawn(box) || looks - said < AGAIN_LOOKS) return;
    said = looks;
    box.frame.contentWindow.postMessage(message, location.origin);
  };
  box.telling[key] = setInterval(look, LOOK_MS);
}

// Also where nothing will be drawn, such as in a browser without WebGL.
function onceDrawn(box, report) {
  clearInterval(box.looking);
  const began = performance.now();
  box.looking = setInterval(() => {
    const waits = performance.now() - began < GIVEN_UP_MS;
    if (waits && (!isDrawn(box) || !state(box.frame).uiState)) return;
    clearInterval(box.looking);
    report();
  }, LOOK_MS);
}

function swatch(color, text) {
  const entry = document.createElement("span");
  const mark = entry.appendChild(document.createElement("i"));
  mark.style.background = color;
  entry.append(text);
  return entry;
}

function ramp({ ramp: colors, ticks }) {
  const scale = document.createElement("span");
  scale.className = "scale";
  const bar = document.createElement("i");
  bar.style.background = `linear-gradient(to right, ${colors.join(", ")})`;
  const words = ticks.map((tick) => Object.assign(document.createElement("b"), { textContent: tick }));
  scale.append(bar, ...words);
  return scale;
}

function drawLegend(place, legend) {
  place.replaceChildren();
  if (!legend) return;
  const about = Object.assign(document.createElement("em"), { textContent: legend.about });
  const marks = legend.entries?.map(({ color, text }) => swatch(color, text)) ?? [ramp(legend)];
  place.append(...marks, about);
}

// The legend goes along. Escape leads back as well.
function fillsTheScreen(box) {
  const button = box.querySelector("button");
  button.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : box.requestFullscreen());
  box.onfullscreenchange = () => {
    button.textContent = document.fullscreenElement ? "Back to the page" : "Fill the screen";
  };
}

// Drawn with its figures at once. Of two graphs, the second is not there yet when they are laid.
function addressOf(box, { page, overlay }) {
  const address = new URL(page.replace(/^\//, ""), document.baseURI);
  const asked = JSON.parse(address.searchParams.get("data"));
  if (overlay && asked.uiState.paneStates.length === 1) {
    asked.nodeData = [overlay];
    address.searchParams.set("data", JSON.stringify(asked));
  }
  address.searchParams.set("theme", isDark(box) ? "dark" : "light");
  return [address, asked.nodeData?.[0]];
}

function open(box, data) {
  const opened = `${data.page} ${isDark(box)}`;
  if (box.opened === opened) return;
  const [address, laid] = addressOf(box, data);
  Object.assign(box, { opened, overlay: laid, selected: undefined });
  // Replaced, so that Back leads to the page before, not to the graph before.
  box.frame.contentWindow.location.replace(address);
}

function lay(box, path) {
  if (!path || box.overlay === path) return;
  box.overlay = path;
  const message = { cmd: "model-explorer-load-node-data-file", path };
  tell(box, "overlay", message, (now) => now.nodeData?.includes(path));
}

function select(box, node) {
  if (!node || box.selected === node) return;
  box.selected = node;
  const message = { cmd: "model-explorer-select-node-by-node-id", nodeId: node };
  const found = (now) => now.uiState?.paneStates.some((pane) => pane.selectedNodeId === node);
  tell(box, "node", message, found);
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const box = parentElement.querySelector(".graph-view");
  box.frame = box.querySelector("iframe");
  box.telling ??= {};
  box.frame.title = data.alt;
  drawLegend(box.querySelector(".legend"), data.legend);
  fillsTheScreen(box);
  open(box, data);
  if (!data.drawn) onceDrawn(box, () => setStateValue("drawn", data.page));
  lay(box, data.overlay);
  select(box, data.node);
  const heard = ({ source, data: said }) => {
    if (source !== box.frame.contentWindow || said?.cmd !== "model-explorer-node-selected") return;
    if (said.nodeId === box.selected) return;
    box.selected = said.nodeId;
    setTriggerValue("clicked", said.nodeId);
  };
  window.addEventListener("message", heard);
  return () => window.removeEventListener("message", heard);
}
