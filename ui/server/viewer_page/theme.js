// Light or dark as the page around it, told by the address before the viewer starts.
const theme = new URLSearchParams(location.search).get("theme") ?? "light";
localStorage.setItem("model_explorer_theme", theme);
