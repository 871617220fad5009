// What the reader has chosen, kept in the address behind '#', so that a link shows the same.

const choice = { hidden: new Set(), service: "", level: "", of: "", theme: "", at: "" };

function readChoice() {
  const said = new URLSearchParams(location.hash.slice(1));
  const models = said.get("models");
  choice.hidden = new Set(
    models === null ? [] : contenders.filter((name) => !models.split(",").includes(name)),
  );
  for (const key of ["service", "level", "of", "theme", "at"]) choice[key] = said.get(key) || "";
}

function writeChoice() {
  const said = new URLSearchParams();
  if (choice.hidden.size) said.set("models", contenders.filter((name) => !choice.hidden.has(name)).join(","));
  for (const key of ["service", "level", "of", "theme", "at"]) if (choice[key]) said.set(key, choice[key]);
  const text = said.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
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
  const wish = choice.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = wish;
  document.getElementById("theme").textContent = wish === "dark" ? "☀ light" : "☾ dark";
}
