// One workload in detail: how latency is distributed, what a request costs, how evenly workers share.

const percentileName = (x) => "p" + Number((100 - 100 / x).toPrecision(6));

/// Of each percentile the median over the valid rounds, as far as most of them tell it.
function latencySeries(workload) {
  return contenders.filter(isShown).map((name) => {
    const loads = cellsOf(workload, name)
      .map((cell) => cell.load)
      .filter(isValid);
    const times = new Map(); // in the rounds, by percentile
    for (const load of loads)
      for (const [percent, ms] of load.latency_distribution ?? [])
        times.set(percent, [...(times.get(percent) ?? []), ms]);
    const points = [...times]
      .filter(([, told]) => 2 * told.length > loads.length)
      .sort(([one], [other]) => one - other)
      .map(([percent, told]) => ({ x: 100 / (100 - percent), y: { mean: median(told) } }));
    return { name, points };
  });
}

/// Shares of the workers in the clients or the requests, the busiest first: the median over the rounds of each place.
function shareSeries(workload, what) {
  return contenders.filter(isShown).map((name) => {
    const rounds = cellsOf(workload, name)
      .filter((cell) => cell.workers.length > 1)
      .map((cell) => {
        const all = cell.workers
          .map(([clients, requests]) => (what === "clients" ? clients : requests))
          .sort((a, b) => b - a);
        const sum = all.reduce((a, b) => a + b, 0);
        return sum > 0 ? all.map((one) => (100 * one) / sum) : [];
      });
    const places = Math.max(0, ...rounds.map((one) => one.length));
    const points = Array.from({ length: Math.min(places, 64) }, (_, i) => ({
      x: i + 1,
      y: { mean: median(rounds.map((one) => one[i] ?? 0)) },
    }));
    return { name, points };
  });
}

function drawShares(into, id, title, hint, workload, what) {
  const series = () => shareSeries(workload(), what);
  chartFigure(
    into,
    id,
    title,
    hint,
    300,
    () =>
      workload() &&
      lineConfig(
        series(),
        {
          title: "worker, by its rank",
          kind: "linear",
          extra: { min: 1, ticks: { precision: 0 } },
          name: (value) => "worker " + value,
        },
        { title: `% of all ${what}`, kind: "linear", unit: "%", extra: { beginAtZero: true } },
      ),
    () => [
      ["model", "worker", `% of the ${what}`],
      series().flatMap((one) => one.points.map((point) => [one.name, point.x, short(point.y.mean)])),
    ],
  );
}

function barsOf(workload, key) {
  const section = sectionNamed[workload],
    figure = figureNamed[key];
  const rows = ranked(section)
    .filter((row) => row.values[key] && isShown(row.name))
    .sort((a, b) => (figure.more ? 1 : -1) * (b.values[key].mean - a.values[key].mean));
  return rows.map((row, i) => ({
    name: row.name,
    value: row.values[key],
    isBest: i === 0 || row.values[key].mean === rows[0].values[key].mean,
  }));
}

function detailBars(into, id, key, options) {
  const figure = figureNamed[key];
  chartFigure(
    into,
    id,
    figure.title,
    figure.unit + (figure.more ? " · more is better" : " · less is better"),
    barHeight,
    () => barConfig(barsOf(choice.of, key), figure.unit, options),
    () => [
      ["model", figure.title, "95 % from", "to"],
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
    const shares = [...new Set(cells.flatMap((cell) => cell.open.map((one) => one.share)))].sort();
    return shares.map((share) => {
      const loads = cells.flatMap((cell) =>
        cell.open.filter((one) => one.share === share && isValid(one.load)).map((one) => one.load),
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
  const into = part("detail", "Latency, cost and fairness", "One workload at a time.", "Cost and fairness");
  const select = make("select", { id: "of" });
  const fill = () => {
    const offered = choices.filter(isChosen);
    if (!offered.some((one) => one.workload === choice.of))
      choice.of = (offered.find((one) => one.workload === "short") || offered[0])?.workload || "";
    select.replaceChildren(
      ...offered.map((one) =>
        make("option", { value: one.workload, selected: one.workload === choice.of }, one.text),
      ),
    );
  };
  select.addEventListener("change", () => {
    choice.of = select.value;
    writeChoice();
    redraw();
  });
  refills.push(fill);
  fill();
  into.append(make("label", { class: "picker" }, "Under ", select));

  chartFigure(
    into,
    "latency",
    "Latency by percentile",
    "how many requests were slower than this · less is better",
    340,
    () =>
      choice.of &&
      lineConfig(
        latencySeries(choice.of),
        {
          title: "percentile (each step to the right: ten times rarer)",
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
      latencySeries(choice.of).flatMap((one) =>
        one.points.map((point) => [one.name, percentileName(point.x), short(point.y.mean)]),
      ),
    ],
  );

  const pair = pairIn(into);
  detailBars(pair, "cpu", "cpu_us");
  detailBars(pair, "faults", "faults");
  const more = pairIn(into);
  detailBars(more, "voluntary", "voluntary");
  detailBars(more, "calls", "calls");
  detailBars(into, "fairness", "fairness", { max: 1 });
  drawShares(
    into,
    "shares",
    "Requests by worker",
    "the busiest first; a level line shares evenly",
    () => choice.of,
    "requests",
  );

  const open = make("div", { id: "open" });
  into.append(open);
  const drawOpen = () => {
    const rows = choice.of ? openLoads(choice.of) : [];
    open.replaceChildren(
      ...(rows.length
        ? [
            make("h3", {}, "At a fixed rate"),
            make(
              "p",
              { class: "note" },
              "Requests come at a fixed share of the rate found, whether or not earlier ones were answered; latency counts from when a request was due. Medians of the rounds whose load calls itself valid.",
            ),
            tableOf(
              ["model", "of its rate", "valid rounds", "requests per second", "p50, ms", "p99, ms"],
              rows,
            ),
          ]
        : []),
    );
  };
  refills.push(drawOpen);
  drawOpen();
}
