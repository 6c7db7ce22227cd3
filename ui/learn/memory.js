// Keeps a text for this tab, also when the page is loaded anew, and gives it back.

export default function ({ data, setStateValue }) {
  try {
    if (data.value) sessionStorage.setItem(data.name, data.value);
    else {
      const found = sessionStorage.getItem(data.name);
      if (found) setStateValue("value", found);
    }
  } catch {
    // Where nothing may be kept a reload forgets it.
  }
}
