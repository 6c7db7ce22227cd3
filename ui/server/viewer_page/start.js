// Runs before the viewer starts.

// Light or dark as the page around it, told by the address.
const theme = new URLSearchParams(location.search).get("theme") ?? "light";
localStorage.setItem("model_explorer_theme", theme);

// It writes its state to its address. Back leads to the page before, not through these states.
history.pushState = history.replaceState;
