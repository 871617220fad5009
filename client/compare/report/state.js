// The reader's choices. They are kept in the fragment of the address, so that a link shows the same.

const choice = { hidden: new Set(), service: "", level: "", of: "", theme: "", at: "" };

function readChoice() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const models = parameters.get("models");
  choice.hidden = new Set(
    models === null ? [] : contenders.filter((name) => !models.split(",").includes(name)),
  );
  for (const key of ["service", "level", "of", "theme", "at"]) choice[key] = parameters.get(key) || "";
}

function writeChoice() {
  const parameters = new URLSearchParams();
  if (choice.hidden.size)
    parameters.set("models", contenders.filter((name) => !choice.hidden.has(name)).join(","));
  for (const key of ["service", "level", "of", "theme", "at"])
    if (choice[key]) parameters.set(key, choice[key]);
  const text = parameters.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
  history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
}

const isShown = (name) => !choice.hidden.has(name);

function isChosen(section) {
  const load = workloadNamed[section.workload];
  return (
    (!choice.service || load.service === choice.service) &&
    (!choice.level || String(load.connections) === choice.level)
  );
}

const isDark = () => document.documentElement.dataset.theme === "dark";

function applyTheme() {
  const theme = choice.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "☀ light" : "☾ dark";
}
