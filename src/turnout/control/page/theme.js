// Before anything is drawn: the theme that was chosen here, or else the system's.
{
  const chosen = localStorage.getItem("turnout-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
