// What changes with the number of connections, and with whatever else the run has swept.

/// A line per server over the sections, each at its place.
function seriesOver(sections, figure) {
  return contenders.filter(isShown).map((name) => ({
    name,
    points: sections
      .filter(isChosen)
      .map((section) => ({
        x: section.place,
        y: ranked(section).find((row) => row.name === name)?.values[figure],
      }))
      .filter((point) => point.y && point.y.mean > 0)
      .sort((a, b) => a.x - b.x),
  }));
}

function sweepChart(into, id, sections, key, { along, unit }, height = 330) {
  const figure = figureNamed[key];
  const series = () => seriesOver(sections(), key);
  chartFigure(
    into,
    id,
    `${figure.title} against ${along}`,
    figure.more ? "more is better" : "less is better",
    height,
    () =>
      lineConfig(
        series(),
        { title: along, kind: "log", unit },
        { title: figure.unit === "/s" ? "per second" : figure.unit, kind: "log", unit: figure.unit },
      ),
    () => [
      ["model", along, figure.title, "95 % from", "to"],
      series().flatMap((one) =>
        one.points.map((point) => [
          one.name,
          point.x,
          short(point.y.mean),
          short(point.y.low),
          short(point.y.high),
        ]),
      ),
    ],
  );
}

const pairIn = (into) => into.appendChild(make("div", { class: "pair" }));

/// Of a quick or full plan its levels; of a plan of one's own, those with long-lived connections, or else the others.
const levelQuestion = ["levels", "long-lived", "one-request"].find(
  (question) => new Set(sectionsOf(question).map((section) => section.place)).size > 1,
);

/// A plan of one's own may have several services and sizes: a chart shows one of each, the first that is chosen.
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
  const into = part("rate", "Rate and latency", "", "Rate"),
    intro = into.querySelector(".intro");
  const fill = () => {
    const load = workloadNamed[levelSections()[0].workload];
    const kind = load.per_connection
      ? "Connections that ask once and are made anew"
      : "Connections that stay and ask again as soon as they were answered";
    intro.textContent = `${kind} (${load.service}, ${load.size} bytes). Each point is the mean of the rounds, its whisker the 95 % interval; both scales are logarithmic. A line ends where a model could not serve all connections.`;
  };
  refills.push(fill);
  fill();
  const connections = sweepNamed[levelQuestion];
  const pair = pairIn(into);
  sweepChart(pair, "rate", levelSections, "rate", connections);
  sweepChart(pair, "p99", levelSections, "p99_ms", connections);
  drawCrossings(into, levelQuestion);
  drawCapacities(into);

  const memory = part(
    "memory",
    "Memory",
    "All processes of the server near the end of the load: data, the text of the program once, page tables and kernel stacks.",
  );
  const both = pairIn(memory);
  sweepChart(both, "memory", levelSections, "pss_mib", connections);
  sweepChart(both, "memory-connection", levelSections, "pss_connection_kib", connections);
}

/// Who is better at one end and worse at the other, where that was shown.
function drawCrossings(into, question) {
  const servers = new Set(sectionsOf(question).flatMap((section) => ranked(section).map((row) => row.name)));
  if (servers.size < 2) return;
  const texts = result.crossings.filter((one) => one.question === question).map((one) => one.text);
  const rounds = Math.max(
    ...sectionsOf(question).flatMap((section) =>
      section.rows.flatMap((row) => Object.values(row.values).map((one) => one.values.length)),
    ),
    0,
  );
  const none =
    rounds < 2
      ? "One round shows no difference, so no two curves are shown to cross."
      : "No two of the best are shown to cross.";
  into.append(
    make(
      "div",
      { class: "crossings", id: "crossings-" + question },
      make("h3", {}, "Where curves cross"),
      texts.length
        ? make("ul", {}, ...texts.map((text) => make("li", {}, text)))
        : make("p", { class: "note" }, none),
    ),
  );
}

/// How far each server went before a connection was left out, and why.
function drawCapacities(into) {
  if (!result.capacities?.length) return;
  const heads = ["model", "most connections that were all served", "too many", "why"];
  const rows = () =>
    result.capacities
      .filter((one) => isShown(one.name))
      .map((one) => [one.name, one.served || "–", one.too_many || "none of those tried", one.why]);
  const holder = make("div", { id: "capacity-table" });
  const draw = () =>
    holder.replaceChildren(
      make("h3", {}, "Connections up to failure"),
      tableOf(heads, rows(), "text"),
      csvButton("capacities", heads, rows),
    );
  refills.push(draw);
  draw();
  into.append(holder);
}

const sweepTexts = [
  { question: "sizes", title: "How large a request?", brief: "Sizes", intro: "The same echo with more bytes." },
  {
    question: "pool-sweep",
    title: "How large a pool?",
    brief: "Pool",
    intro:
      "Short connections, one request of 4,000 bytes each, served by pools of different sizes: Stevens' sweep. Too small a pool lets clients wait; too large a one costs more to run.",
  },
  {
    question: "cores",
    title: "How many threads that work?",
    brief: "Cores",
    intro:
      "Requests that compute, done by more and more threads behind one event loop: where the cores end, more threads only take turns.",
  },
  {
    question: "work-sweep",
    title: "How much work per request?",
    brief: "Work",
    intro:
      "The more a request computes, the less it matters who talks to the client, and the more it matters who computes.",
  },
  {
    question: "wait-sweep",
    title: "How long a wait per request?",
    brief: "Waits",
    intro: "Requests that only wait cost nothing but the room to wait in.",
  },
];

function drawSweeps() {
  for (const { question, title, brief, intro } of sweepTexts) {
    const sections = sectionsOf(question);
    if (sections.length < 2) continue;
    const into = part(question, title, intro, brief),
      sweep = sweepNamed[question];
    const pair = pairIn(into);
    for (const figure of sweep.figures)
      sweepChart(pair, `${question}-${figure}`, () => sections, figure, sweep, 300);
    drawCrossings(into, question);
  }
}
