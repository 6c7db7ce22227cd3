// A few steps, one at a time; taken or skipped, this browser shows it no more.

const DONE = "inference-explorer-tour";

function seen() {
  try {
    return localStorage.getItem(DONE) !== null;
  } catch {
    return true; // where nothing may be kept it would come back for ever
  }
}

function done() {
  try {
    localStorage.setItem(DONE, "done");
  } catch {
    // it was shown once all the same
  }
}

function close(box) {
  if (box.hidden) return;
  done();
  box.hidden = true;
}

// Escape is a field's or an open panel's own first.
function meantElsewhere(element) {
  const panel = "[data-testid=stPopoverBody], [role=dialog], [role=listbox], [role=menu]";
  return element?.closest?.("input, textarea, select, [role=combobox]") || document.querySelector(panel);
}

function button(text, press, disabled = false) {
  const made = document.createElement("button");
  made.textContent = text;
  made.disabled = disabled;
  made.addEventListener("click", press);
  return made;
}

function show(box, steps, at, focus) {
  const { title, says } = steps[at];
  const last = at === steps.length - 1;
  const text = document.createElement("p");
  text.setAttribute("role", "status");
  const inner = text.appendChild(document.createElement("span"));
  inner.appendChild(document.createElement("strong")).textContent = `${at + 1} of ${steps.length}: ${title}. `;
  inner.append(says);
  const end = () => close(box);
  const back = button("Back", () => show(box, steps, at - 1, "back"), at === 0);
  const next = last ? button("Done", end) : button("Next", () => show(box, steps, at + 1, "next"));
  box.replaceChildren(text, back, next, button("Skip the tour", end));
  box.hidden = false;
  if (focus === "back" && at > 0) back.focus();
  else if (focus) next.focus();
}

export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".tour");
  if (box.childElementCount === 0 && !seen()) show(box, data.steps, 0, "");
  parentElement.stop?.();
  const stop = new AbortController();
  const pressed = (event) => {
    if (event.key === "Escape" && !meantElsewhere(event.target)) close(box);
  };
  document.addEventListener("keydown", pressed, { signal: stop.signal });
  parentElement.stop = () => stop.abort();
  return parentElement.stop;
}
