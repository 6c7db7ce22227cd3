// A sample that is clicked before Streamlit's page stands is opened as soon as its button does.
document.querySelector("#first-paint").addEventListener("click", ({ target }) => {
  const label = target.dataset.opens;
  if (!label) return;
  target.textContent = "Opening ...";
  const wanted = (button) => button.textContent.trim() === label;
  const watch = new MutationObserver(() => {
    const button = [...document.querySelectorAll("[data-testid=stMain] button")].find(wanted);
    if (!button) return;
    watch.disconnect();
    button.click();
  });
  watch.observe(document.querySelector("#root"), { childList: true, subtree: true });
});
