// One workload in detail: latency distribution, cost of a request, and fairness among workers.

const percentileName = (x) => "p" + Number((100 - 100 / x).toPrecision(6));

/// Returns for each percentile the median over the valid rounds, if more than half of them have it.
function latencySeries(workload) {
  return contenders.filter(isShown).map((name) => {
    const loads = cellsOf(workload, name)
      .map((cell) => cell.load)
      .filter(isValid);
    const times = new Map(); // percentile -> ms of each round
    for (const load of loads)
      for (const [percent, ms] of load.latency_distribution ?? [])
        times.set(percent, [...(times.get(percent) ?? []), ms]);
    const points = [...times]
      .filter(([, ms]) => 2 * ms.length > loads.length)
      .sort(([a], [b]) => a - b)
      .map(([percent, ms]) => ({ x: 100 / (100 - percent), y: { mean: median(ms) } }));
    return { name, points };
  });
}

/// Returns the shares of the workers in the "clients" or "requests", the busiest first: medians over the rounds.
function shareSeries(workload, counter) {
  return contenders.filter(isShown).map((name) => {
    const rounds = cellsOf(workload, name)
      .filter((cell) => cell.workers.length > 1)
      .map((cell) => {
        const counts = cell.workers
          .map(([clients, requests]) => (counter === "clients" ? clients : requests))
          .sort((a, b) => b - a);
        const sum = counts.reduce((a, b) => a + b, 0);
        return sum > 0 ? counts.map((count) => (100 * count) / sum) : [];
      });
    const workers = Math.max(0, ...rounds.map((shares) => shares.length));
    const points = Array.from({ length: Math.min(workers, 64) }, (_, i) => ({
      x: i + 1,
      y: { mean: median(rounds.map((shares) => shares[i] ?? 0)) },
    }));
    return { name, points };
  });
}

function drawShares(parent, id, title, hint, workload, counter) {
  const series = () => shareSeries(workload(), counter);
  chartFigure(
    parent,
    id,
    title,
    hint,
    300,
    () =>
      workload() &&
      lineConfig(
        series(),
        {
          title: "worker, by rank",
          kind: "linear",
          extra: { min: 1, ticks: { precision: 0 } },
          name: (value) => "worker " + value,
        },
        { title: `% of all ${counter}`, kind: "linear", unit: "%", extra: { beginAtZero: true } },
      ),
    () => [
      ["model", "worker", `% of all ${counter}`],
      series().flatMap(({ name, points }) => points.map(({ x, y }) => [name, x, short(y.mean)])),
    ],
  );
}

function barsOf(workload, key) {
  const section = sectionNamed[workload],
    metric = metricNamed[key];
  const rows = ranked(section)
    .filter((row) => row.values[key] && isShown(row.name))
    .sort((a, b) => (metric.more ? 1 : -1) * (b.values[key].mean - a.values[key].mean));
  return rows.map((row, i) => ({
    name: row.name,
    value: row.values[key],
    isBest: i === 0 || row.values[key].mean === rows[0].values[key].mean,
  }));
}

function detailBars(parent, id, key, options) {
  const metric = metricNamed[key];
  chartFigure(
    parent,
    id,
    metric.title,
    metric.unit + (metric.more ? " · more is better" : " · less is better"),
    barHeight,
    () => barConfig(barsOf(choice.of, key), metric.unit, options),
    () => [
      ["model", metric.title, "95 % from", "to"],
      barsOf(choice.of, key).map((bar) => [
        bar.name,
        short(bar.value.mean),
        short(bar.value.low),
        short(bar.value.high),
      ]),
    ],
  );
}

function openLoads(workload) {
  return contenders.filter(isShown).flatMap((name) => {
    const cells = cellsOf(workload, name);
    const shares = [...new Set(cells.flatMap((cell) => cell.open.map(({ share }) => share)))].sort();
    return shares.map((share) => {
      const loads = cells.flatMap((cell) =>
        cell.open.filter((run) => run.share === share && isValid(run.load)).map((run) => run.load),
      );
      return [
        name,
        `${share * 100} %`,
        `${loads.length} of ${cells.length}`,
        short(median(loads.map((load) => load.rate))),
        short(median(loads.map((load) => load.latency_ms.p50))),
        short(median(loads.map((load) => load.latency_ms.p99))),
      ];
    });
  });
}

function drawDetail() {
  const choices = result.sections.filter((section) =>
    section.rows.some((row) => row.values.rate || row.values.cpu_us),
  );
  if (choices.length === 0) return;
  const parent = part("detail", "Latency, cost and fairness", "One workload at a time.", "Cost and fairness");
  const select = make("select", { id: "of" });
  const fill = () => {
    const offered = choices.filter(isChosen);
    if (!offered.some(({ workload }) => workload === choice.of))
      choice.of = (offered.find(({ workload }) => workload === "short") || offered[0])?.workload || "";
    select.replaceChildren(
      ...offered.map(({ workload, text }) =>
        make("option", { value: workload, selected: workload === choice.of }, text),
      ),
    );
  };
  select.addEventListener("change", () => {
    choice.of = select.value;
    writeChoice();
    redraw();
  });
  filterCallbacks.push(fill);
  fill();
  parent.append(make("label", { class: "picker" }, "Workload ", select));

  chartFigure(
    parent,
    "latency",
    "Latency by percentile",
    "time that this percentage of requests did not exceed · less is better",
    340,
    () =>
      choice.of &&
      lineConfig(
        latencySeries(choice.of),
        {
          title: "percentile (logarithmic: each decade is ten times rarer)",
          kind: "log",
          name: percentileName,
          extra: {
            min: 1,
            ticks: {
              callback: (value) =>
                [1, 2, 4, 10, 20, 100, 200, 1000, 10000, 100000].includes(value) ? percentileName(value) : "",
            },
          },
        },
        { title: "ms", kind: "log", unit: "ms" },
      ),
    () => [
      ["model", "percentile", "latency, ms"],
      latencySeries(choice.of).flatMap(({ name, points }) =>
        points.map(({ x, y }) => [name, percentileName(x), short(y.mean)]),
      ),
    ],
  );

  const pair = pairIn(parent);
  detailBars(pair, "cpu", "cpu_us");
  detailBars(pair, "faults", "faults");
  const more = pairIn(parent);
  detailBars(more, "voluntary", "voluntary");
  detailBars(more, "calls", "calls");
  detailBars(parent, "fairness", "fairness", { max: 1 });
  drawShares(
    parent,
    "shares",
    "Requests by worker",
    "busiest first; a level line means even shares",
    () => choice.of,
    "requests",
  );

  const open = make("div", { id: "open" });
  parent.append(open);
  const drawOpen = () => {
    const rows = choice.of ? openLoads(choice.of) : [];
    open.replaceChildren(
      ...(rows.length
        ? [
            make("h3", {}, "Open load at a fixed rate"),
            make(
              "p",
              { class: "note" },
              "Requests are sent at a fixed share of the measured rate, even if earlier ones are unanswered. Latency counts from the scheduled time. Medians of the valid rounds.",
            ),
            tableOf(
              ["model", "share of rate", "valid rounds", "requests per second", "p50, ms", "p99, ms"],
              rows,
            ),
          ]
        : []),
    );
  };
  filterCallbacks.push(drawOpen);
  drawOpen();
}
