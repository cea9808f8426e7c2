// Runs before anything is painted, so that a dark page never flashes white.
try {
  const theme = localStorage.getItem("runwell.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // A browser without storage follows the system.
}
