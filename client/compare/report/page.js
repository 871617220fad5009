// Builds the page, and updates it when the reader changes a filter.

const filterCallbacks = []; // called when a filter changes; charts are in `drawn`

function redraw() {
  applyChartTheme();
  for (const callback of filterCallbacks) callback();
  for (const draw of drawn.values()) draw();
}

function drawLead() {
  const lead = document.getElementById("lead");
  lead.append(`Measured ${result.begun} on ${result.machine.text}.`);
  if (!result.complete)
    lead.append(" The run was stopped before its end, so fewer differences are significant.");
}

function fillFilters() {
  const models = document.getElementById("filter-models");
  const inputs = contenders.map((name) => {
    const input = make("input", { type: "checkbox", value: name });
    input.addEventListener("change", () => {
      input.checked ? choice.hidden.delete(name) : choice.hidden.add(name);
      changed();
    });
    models.append(make("label", {}, input, name));
    return input;
  });
  const options = (select, key, values, all) => {
    select.append(
      make("option", { value: "" }, all),
      ...values.map((value) => make("option", { value }, value)),
    );
    select.addEventListener("change", () => {
      choice[key] = select.value;
      changed();
    });
  };
  const service = document.getElementById("filter-service"),
    level = document.getElementById("filter-level");
  const loads = result.plan.workloads;
  options(service, "service", [...new Set(loads.map((load) => load.service))], "all");
  options(
    level,
    "level",
    [...new Set(loads.map((load) => load.connections))].sort((a, b) => a - b).map(String),
    "all",
  );
  document.getElementById("filter-none").addEventListener("click", () => {
    choice.hidden.clear();
    choice.service = choice.level = "";
    changed();
  });
  showFilters = () => {
    for (const input of inputs) input.checked = isShown(input.value);
    service.value = choice.service;
    level.value = choice.level;
  };
}

let showFilters = () => {};

function changed() {
  writeChoice();
  showFilters();
  redraw();
}

function start() {
  readChoice();
  applyTheme();
  applyChartTheme();
  drawLead();
  fillFilters();
  drawAnswers();
  drawClaims();
  drawLevels();
  drawDetail();
  drawStevens();
  drawSweeps();
  drawServices();
  drawEmpty();
  drawModels();
  drawNumbers();
  drawMachine();
  showFilters();
  for (const callback of filterCallbacks) callback();
  document.getElementById("colophon").textContent =
    `Made by parley-compare ${result.parley}. This file needs no network and no other file. Charts: Chart.js (MIT licence).`;
  if (choice.at) document.getElementById(choice.at)?.scrollIntoView();
}

document.getElementById("theme").addEventListener("click", () => {
  choice.theme = isDark() ? "light" : "dark";
  applyTheme();
  changed();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  applyTheme();
  redraw();
});
addEventListener("hashchange", () => {
  readChoice();
  applyTheme();
  showFilters();
  redraw();
  if (choice.at) document.getElementById(choice.at)?.scrollIntoView();
});

// Paper is white, so print in the light theme.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "light";
  redraw();
});
addEventListener("afterprint", () => {
  applyTheme();
  redraw();
});

start();
