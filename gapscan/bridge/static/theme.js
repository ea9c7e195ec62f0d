// Before the first paint, so that a chosen theme does not flash the other one.
(() => {
  try {
    const { theme } = JSON.parse(localStorage.getItem("gapscan.settings") ?? "{}");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // no storage: as the system has it
  }
})();
