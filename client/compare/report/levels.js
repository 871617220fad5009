// What changes with the number of connections, and with whatever else the run has swept.

/// A line per server over the sections, by what `x` makes of a workload.
function seriesOver(sections, figure, x) {
  return contenders.filter(isShown).map((name) => ({
    name,
    points: sections.filter(isChosen)
      .map((section) => ({ x: x(workloadNamed[section.workload]), y: ranked(section).find((row) => row.name === name)?.values[figure] }))
      .filter((point) => point.y && point.y.median > 0).sort((a, b) => a.x - b.x),
  }));
}

function sweepChart(into, id, sections, key, x, height = 330) {
  const figure = figureNamed[key];
  const series = () => seriesOver(sections, key, x.of);
  chartFigure(into, id, `${figure.title} against ${x.title}`, figure.more ? "more is better" : "less is better", height,
    () => lineConfig(series(), { title: x.title, kind: "log", unit: x.unit }, { title: figure.unit === "/s" ? "per second" : figure.unit, kind: "log", unit: figure.unit }),
    () => [["model", x.title, figure.title, "95 % from", "to"],
           series().flatMap((one) => one.points.map((point) => [one.name, point.x, short(point.y.median), short(point.y.low), short(point.y.high)]))]);
}

const pairIn = (into) => into.appendChild(make("div", { class: "pair" }));

const connections = { title: "connections", of: (load) => load.connections, unit: "connections" };

/// Of a quick or full plan its levels; of a plan of one's own, all of one kind.
function levelSections() {
  const levels = sectionsOf("levels");
  if (levels.length) return levels;
  const all = result.sections.filter((one) => workloadNamed[one.workload].question === "long-lived");
  return new Set(all.map((one) => workloadNamed[one.workload].connections)).size > 1 ? all : [];
}

function drawLevels() {
  const sections = levelSections();
  if (sections.length === 0) return;
  const load = workloadNamed[sections[0].workload];
  const into = part("rate", "Rate and latency", `Connections that stay and ask again as soon as they were answered (${load.service}, ${load.size} bytes). Each point is the median of the rounds, its whisker the 95 % interval; both scales are logarithmic. A line ends where a model could not serve all connections.`, "Rate");
  const pair = pairIn(into);
  sweepChart(pair, "rate", sections, "rate", connections);
  sweepChart(pair, "p99", sections, "p99_ms", connections);

  drawCapacities(into);

  const memory = part("memory", "Memory", "The proportional set size of the server's whole process tree near the end of the load: pages that are shared with others count in part.");
  const both = pairIn(memory);
  sweepChart(both, "memory", sections, "pss_mib", connections);
  sweepChart(both, "memory-connection", [...sections, ...sectionsOf("idle")], "pss_connection_kib", connections);
}

/// How far each server went before a connection was left out, and why.
function drawCapacities(into) {
  if (!result.capacities?.length) return;
  const heads = ["model", "most connections that were all served", "too many", "why"];
  const rows = () => result.capacities.filter((one) => isShown(one.name))
    .map((one) => [one.name, one.served || "–", one.too_many || "none of those tried", one.why]);
  const holder = make("div", { id: "capacity-table" });
  const draw = () => holder.replaceChildren(make("h3", {}, "Connections up to failure"), tableOf(heads, rows(), "text"), csvButton("capacities", heads, rows));
  refills.push(draw);
  draw();
  into.append(holder);
}

const sweeps = [
  { question: "pool-sweep", title: "How large a pool?", brief: "Pool", intro: "Short connections, one request of 4,000 bytes each, served by pools of different sizes: Stevens' sweep. Too small a pool lets clients wait; too large a one costs more to run.",
    x: { title: "size of the pool", of: (load) => Number(load.server_options.at(-1)), unit: "workers" }, figures: ["rate", "cpu_us"] },
  { question: "work-sweep", title: "How much work per request?", brief: "Work", intro: "The more a request computes, the less it matters who talks to the client, and the more it matters who computes.",
    x: { title: "digits of pi", of: (load) => load.digits, unit: "digits" }, figures: ["rate", "p99_ms"] },
  { question: "wait-sweep", title: "How long a wait per request?", brief: "Waits", intro: "Requests that only wait cost nothing but the room to wait in.",
    x: { title: "wait, ms", of: (load) => load.wait_ms, unit: "ms" }, figures: ["rate", "cpu_us"] },
  { question: "sizes", title: "How large a request?", brief: "Sizes", intro: "The same echo with more bytes.",
    x: { title: "bytes", of: (load) => load.size, unit: "bytes" }, figures: ["rate", "cpu_us"] },
];

function drawSweeps() {
  for (const sweep of sweeps) {
    const sections = sectionsOf(sweep.question);
    if (sections.length < 2) continue;
    const into = part(sweep.question, sweep.title, sweep.intro, sweep.brief);
    const pair = pairIn(into);
    for (const figure of sweep.figures) sweepChart(pair, `${sweep.question}-${figure}`, sections, figure, sweep.x, 300);
  }
}
