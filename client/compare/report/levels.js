// Charts over the number of connections, and over the other swept parameters.

/// Returns a line per server over the sections, each at its x.
function seriesOver(sections, key) {
  return contenders.filter(isShown).map((name) => ({
    name,
    points: sections
      .filter(isChosen)
      .map((section) => ({
        x: section.place,
        y: ranked(section).find((row) => row.name === name)?.values[key],
      }))
      .filter((point) => point.y && point.y.mean > 0)
      .sort((a, b) => a.x - b.x),
  }));
}

function sweepChart(parent, id, sections, key, { along, unit }, height = 330) {
  const metric = metricNamed[key];
  const series = () => seriesOver(sections(), key);
  chartFigure(
    parent,
    id,
    `${metric.title} against ${along}`,
    metric.more ? "more is better" : "less is better",
    height,
    () =>
      lineConfig(
        series(),
        { title: along, kind: "log", unit },
        { title: metric.unit === "/s" ? "per second" : metric.unit, kind: "log", unit: metric.unit },
      ),
    () => [
      ["model", along, metric.title, "95 % from", "to"],
      series().flatMap(({ name, points }) =>
        points.map(({ x, y }) => [name, x, short(y.mean), short(y.low), short(y.high)]),
      ),
    ],
  );
}

const pairIn = (parent) => parent.appendChild(make("div", { class: "pair" }));

/// The question whose sections differ in connections: "levels" of a preset plan; "long-lived", else "one-request", of a
/// user's own plan.
const levelQuestion = ["levels", "long-lived", "one-request"].find(
  (question) => new Set(sectionsOf(question).map((section) => section.place)).size > 1,
);

/// Returns the sections of one service and size, the first ones chosen: a user's own plan may have several.
function levelSections() {
  const sections = sectionsOf(levelQuestion),
    first = workloadNamed[(sections.find(isChosen) || sections[0]).workload];
  return sections.filter(
    ({ workload }) =>
      workloadNamed[workload].service === first.service && workloadNamed[workload].size === first.size,
  );
}

function drawLevels() {
  if (!levelQuestion) return;
  const parent = part("rate", "Rate and latency", "", "Rate"),
    intro = parent.querySelector(".intro");
  const fill = () => {
    const load = workloadNamed[levelSections()[0].workload];
    const kind = load.per_connection
      ? "One request per connection, then a new connection"
      : "Long-lived connections that send the next request after each reply";
    intro.textContent = `${kind} (${load.service}, ${load.size} bytes). Points: mean of the rounds; whiskers: 95 % interval; both scales are logarithmic. A line ends if a model could not serve all connections.`;
  };
  filterCallbacks.push(fill);
  fill();
  const connections = sweepNamed[levelQuestion];
  const pair = pairIn(parent);
  sweepChart(pair, "rate", levelSections, "rate", connections);
  sweepChart(pair, "p99", levelSections, "p99_ms", connections);
  drawCrossings(parent, levelQuestion);
  drawCapacities(parent);

  const memory = part(
    "memory",
    "Memory",
    "All processes of the server near the end of the load: data, the text of the program once, page tables and kernel stacks.",
  );
  const memoryPair = pairIn(memory);
  sweepChart(memoryPair, "memory", levelSections, "pss_mib", connections);
  sweepChart(memoryPair, "memory-connection", levelSections, "pss_connection_kib", connections);
}

/// Lists the crossings: one server significantly better at one x, the other at a later x.
function drawCrossings(parent, question) {
  const servers = new Set(sectionsOf(question).flatMap((section) => ranked(section).map((row) => row.name)));
  if (servers.size < 2) return;
  const texts = result.crossings.filter((crossing) => crossing.question === question).map(({ text }) => text);
  const rounds = Math.max(
    ...sectionsOf(question).flatMap((section) =>
      section.rows.flatMap((row) => Object.values(row.values).map((estimate) => estimate.values.length)),
    ),
    0,
  );
  const none =
    rounds < 2
      ? "One round gives no interval, so no crossing is significant."
      : "No crossing of two of the best is significant.";
  parent.append(
    make(
      "div",
      { class: "crossings", id: "crossings-" + question },
      make("h3", {}, "Crossings"),
      texts.length
        ? make("ul", {}, ...texts.map((text) => make("li", {}, text)))
        : make("p", { class: "note" }, none),
    ),
  );
}

/// Lists the highest connection count that each server sustained, and why the next one failed.
function drawCapacities(parent) {
  if (!result.capacities?.length) return;
  const heads = ["model", "connections served", "first failure at", "reason"];
  const rows = () =>
    result.capacities
      .filter(({ name }) => isShown(name))
      .map(({ name, served, too_many, why }) => [name, served || "–", too_many || "none of those tried", why]);
  const holder = make("div", { id: "capacity-table" });
  const draw = () =>
    holder.replaceChildren(
      make("h3", {}, "Connections up to failure"),
      tableOf(heads, rows(), "text"),
      csvButton("capacities", heads, rows),
    );
  filterCallbacks.push(draw);
  draw();
  parent.append(holder);
}

const sweepTexts = [
  { question: "sizes", title: "How large a request?", brief: "Sizes", intro: "The same echo with more bytes." },
  {
    question: "pool-sweep",
    title: "How large a pool?",
    brief: "Pool",
    intro:
      "Short connections, one request of 4,000 bytes each, served by pools of different sizes: Stevens' sweep. If the pool is too small, clients wait; if it is too large, it costs more to run.",
  },
  {
    question: "cores",
    title: "How many compute threads?",
    brief: "Cores",
    intro:
      "CPU-bound requests, computed by 1, 2, 4 ... threads behind one event loop. More threads than cores only share the cores.",
  },
  {
    question: "work-sweep",
    title: "How much work per request?",
    brief: "Work",
    intro:
      "The more a request computes, the less the I/O model matters, and the more the threads that compute.",
  },
  {
    question: "wait-sweep",
    title: "How long a wait per request?",
    brief: "Waits",
    intro: "Requests that only wait need memory and a free worker, but no CPU.",
  },
];

function drawSweeps() {
  for (const { question, title, brief, intro } of sweepTexts) {
    const sections = sectionsOf(question);
    if (sections.length < 2) continue;
    const parent = part(question, title, intro, brief),
      sweep = sweepNamed[question];
    const pair = pairIn(parent);
    for (const metric of sweep.figures)
      sweepChart(pair, `${question}-${metric}`, () => sections, metric, sweep, 300);
    drawCrossings(parent, question);
  }
}
