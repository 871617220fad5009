"use strict";
// The results of the run, and the formatting of their numbers.

const result = JSON.parse(document.getElementById("result").textContent);
const metricNamed = Object.fromEntries(result.figures.map((metric) => [metric.key, metric]));
const workloadNamed = Object.fromEntries(result.plan.workloads.map((load) => [load.id, load]));
const sectionNamed = Object.fromEntries(result.sections.map((section) => [section.workload, section]));
const sweepNamed = Object.fromEntries(result.sweeps.map((sweep) => [sweep.question, sweep]));
const contenders = result.plan.contenders.map((contender) => contender.name);

/// Formats a number with three significant digits: 0.0123, 1.23, 12.3k.
function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  for (const [unit, name] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ])
    if (Math.abs(value) >= unit * 0.9995) return Number((value / unit).toPrecision(3)) + name;
  return String(Math.abs(value) < 0.001 ? Number(value.toPrecision(1)) : Number(value.toPrecision(3)));
}

const plain = (value) => (value === null || value === undefined ? "" : Number(value.toPrecision(6)));
const withUnit = (value, unit) => short(value) + (unit ? (unit === "/s" ? "/s" : " " + unit) : "");
const intervalText = (estimate) =>
  estimate.values.length > 1 ? `95 % interval: ${short(estimate.low)} to ${short(estimate.high)}` : "one round";
const estimateText = (estimate, unit) =>
  estimate ? `${withUnit(estimate.mean, unit)} (${intervalText(estimate)})` : "–";
const median = (values) => {
  const sorted = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/// Returns the rows of a section that served all connections.
const ranked = (section) => section.rows.slice(0, section.ranked);

/// Returns the valid measurements of one server under one workload.
const cellsOf = (workload, name) =>
  result.cells.filter(
    (cell) => cell.workload === workload && cell.contender === name && cell.problem === null && cell.load,
  );

const isValid = (load) => !load.verdict || load.verdict.valid;

/// Returns the sections of a question, in the order of the plan.
const sectionsOf = (question) =>
  result.sections.filter((section) => workloadNamed[section.workload].question === question);
