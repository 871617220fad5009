// Stevens' table, services, failed measurements, cards of the models, all numbers, and the machine.

/// UNIX Network Programming vol. 1, figure 30.1: seconds of process control for 2,500 clients, on Solaris, Digital
/// UNIX, BSD/OS, and in the third edition.
const stevens = [
  ["iterative", "iterative (the baseline)", "0", "0", "0", "0"],
  ["fork", "a process per client", "504.2", "168.9", "29.6", "20.90"],
  ["prefork/each", "preforked, each child accepts", "–", "6.2", "1.8", "1.80"],
  ["prefork/file-lock", "preforked, file lock round accept", "25.2", "10.0", "2.7", "2.07"],
  ["prefork/mutex", "preforked, mutex round accept", "21.5", "–", "–", "1.75"],
  ["prefork/pass", "preforked, parent passes the descriptor", "36.7", "10.9", "6.1", "2.58"],
  ["thread", "a thread per client", "18.7", "4.7", "–", "0.99"],
  ["pool/mutex", "prethreaded, mutex round accept", "8.6", "3.5", "–", "1.93"],
  ["pool/main", "prethreaded, main thread accepts", "14.5", "5.0", "–", "2.05"],
];
const stevensClients = 2500;

function drawStevens() {
  const section = sectionNamed.stevens;
  const base = section && ranked(section).find((row) => row.name === "iterative")?.values.cpu_us;
  if (!base) return;
  const parent = part(
    "stevens",
    "Stevens' table, thirty years later",
    "CPU time for process control: the time beyond that of the iterative server for 2,500 clients, five at a time, one request of 4,000 bytes each. Four columns are the published ones, the last one is this machine's. All are in seconds.",
    "Stevens",
  );
  const over = (row) =>
    [row.mean - base.mean, row.low - base.high, row.high - base.low].map((us) => (us * stevensClients) / 1e6);
  const heads = [
    "design",
    "Solaris",
    "DUnix",
    "BSD/OS",
    "3rd edition",
    "this machine, s",
    "95 %",
    "clients by worker (Jain)",
  ];
  const rows = () =>
    stevens
      .filter(([name]) => isShown(name))
      .map(([name, title, ...published]) => {
        const row = ranked(section).find((candidate) => candidate.name === name);
        const cpu = row?.values.cpu_us;
        if (!cpu) return [title, ...published, "–", "", ""];
        const [mid, low, high] = over(cpu);
        return [
          title,
          ...published,
          name === "iterative" ? "0" : short(mid),
          name === "iterative" ? `${short(base.mean)} us per request` : `${short(low)} to ${short(high)}`,
          short(row.values.fairness?.mean),
        ];
      });
  const holder = make("div", { id: "stevens-table" });
  const draw = () => {
    const table = tableOf(heads, rows());
    for (const line of table.querySelectorAll("tr")) line.children[5]?.classList.add("ours");
    holder.replaceChildren(table, csvButton("stevens", heads, rows));
  };
  filterCallbacks.push(draw);
  draw();
  parent.append(holder);
  drawShares(
    parent,
    "clients",
    "Clients by worker",
    "Stevens' figure 30.2: busiest first; a level line means even shares",
    () => "stevens",
    "clients",
  );
}

/// Compares each model under each of the small services, with the same number of connections.
function drawServices() {
  const all = sectionsOf("services");
  if (all.length === 0) return;
  const parent = part(
    "services",
    "What a service costs",
    `The same model with each of the small services, over ${workloadNamed[all[0].workload].connections} connections. They are long-lived, except for welcome: it closes the connection after its greeting, so each request needs a new one.`,
    "Services",
  );
  const shown = () => all.filter(isChosen);
  const heads = () => [
    "model",
    ...shown().flatMap((section) => [workloadNamed[section.workload].service, "95 %", "CPU, us"]),
  ];
  const rows = () =>
    contenders
      .filter(
        (name) => isShown(name) && all.some((section) => ranked(section).some((row) => row.name === name)),
      )
      .map((name) => [
        name,
        ...shown().flatMap((section) => {
          const values = ranked(section).find((row) => row.name === name)?.values ?? {};
          return [
            values.rate ? short(values.rate.mean) + "/s" : "–",
            values.rate ? `${short(values.rate.low)} to ${short(values.rate.high)}` : "",
            short(values.cpu_us?.mean),
          ];
        }),
      ]);
  const holder = make("div", { id: "services-table" });
  const draw = () => holder.replaceChildren(tableOf(heads(), rows()), csvButton("services", heads(), rows));
  filterCallbacks.push(draw);
  draw();
  parent.append(holder);
}

function drawEmpty() {
  const heads = ["workload", "model", "reason"];
  const all = () =>
    result.sections.filter(isChosen).flatMap((section) =>
      section.rows
        .filter((row) => isShown(row.name))
        .flatMap((row) => {
          const load = workloadNamed[section.workload],
            found = [];
          const prefix = (rounds) => `round${rounds.length > 1 ? "s" : ""} ${rounds.join(", ")}: `;
          for (const problem of row.problems)
            found.push([section.workload, row.name, prefix(problem.rounds) + problem.text]);
          for (const reason of row.doubts)
            found.push([section.workload, row.name, prefix(reason.rounds) + "not valid: " + reason.text]);
          if (Object.keys(row.values).length && row.served < load.connections)
            found.push([
              section.workload,
              row.name,
              `served ${row.served} of ${load.connections} connections: the others waited until the load ended`,
            ]);
          return found;
        }),
    );
  const parent = part(
    "empty",
    "Failures",
    "Connections that a model could not serve, and rounds that are not valid.",
  );
  const holder = make("div", { id: "empty-table" });
  const draw = () => {
    const rows = all();
    holder.replaceChildren(
      rows.length
        ? tableOf(heads, rows, "text")
        : make("p", { class: "note" }, "None: every model served all connections, and all rounds are valid."),
    );
  };
  filterCallbacks.push(draw);
  draw();
  parent.append(holder);
}

function drawModels() {
  const parent = part(
    "models",
    "The models",
    "The card of each model, and what this run measured: its rank, and the counters that explain it.",
    "Models",
  );
  const holder = make("div", { class: "models" });
  parent.append(holder);
  for (const contender of result.plan.contenders.filter(({ in_all }) => in_all)) {
    const card = result.cards.find(({ model }) => model === contender.model);
    const reasons = result.reasons.filter(
      (reason) =>
        reason.contender === contender.name &&
        result.answers.some((answer) => answer.workload === reason.workload),
    );
    const starts = result.sections
      .flatMap((section) => section.rows.filter((row) => row.name === contender.name && row.values.start_ms))
      .map((row) => row.values);
    const shown = reasons.length
      ? reasons
      : result.reasons.filter((reason) => reason.contender === contender.name).slice(0, 4);
    holder.append(
      make(
        "article",
        { class: "card model", "data-model": contender.name },
        make("h3", {}, contender.name),
        make("p", { class: "summary" }, card ? card.summary : contender.command || contender.options.join(" ")),
        card
          ? make(
              "dl",
              {},
              ...card.answers.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]),
            )
          : null,
        make(
          "div",
          { class: "measured" },
          ...shown.map(({ workload, text }) =>
            make(
              "p",
              {},
              make(
                "b",
                {},
                (result.answers.find((answer) => answer.workload === workload)?.question || workload) + ": ",
              ),
              text,
            ),
          ),
          starts.length
            ? make(
                "p",
                {},
                make("b", {}, "Start and stop: "),
                `${short(median(starts.map((row) => row.start_ms.mean)))} ms until ready, ${short(median(starts.map((row) => row.stop_ms.mean)))} ms from SIGTERM to exit.`,
              )
            : null,
        ),
      ),
    );
  }
  filterCallbacks.push(() => {
    for (const card of holder.children) card.hidden = !isShown(card.dataset.model);
  });
}

const numbersHeads = () => [
  "workload",
  "model",
  "rounds",
  "served",
  ...result.figures.flatMap((metric) => [metric.key, metric.key + "_low", metric.key + "_high"]),
];

const numbersRows = () =>
  result.sections.filter(isChosen).flatMap((section) =>
    section.rows
      .filter((row) => isShown(row.name))
      .map((row) => [
        section.workload,
        row.name,
        Math.max(0, ...Object.values(row.values).map((estimate) => estimate.values.length)),
        row.served,
        ...result.figures.flatMap((metric) => {
          const estimate = row.values[metric.key];
          return estimate ? [plain(estimate.mean), plain(estimate.low), plain(estimate.high)] : ["", "", ""];
        }),
      ]),
  );

function drawNumbers() {
  const parent = part(
    "numbers",
    "All numbers",
    "Means over the rounds. The files have the intervals and all single measurements as well.",
    "Numbers",
  );
  const keys = [
    "rate",
    "p50_ms",
    "p99_ms",
    "cpu_us",
    "voluntary",
    "involuntary",
    "calls",
    "faults",
    "pss_mib",
    "pss_connection_kib",
    "fairness",
    "start_ms",
    "stop_ms",
  ];
  const name = "parley-" + result.begun.replace(/[^\d]+/g, "-");
  parent.append(
    make(
      "div",
      { class: "downloads" },
      make(
        "button",
        {
          type: "button",
          id: "csv",
          onclick: () => download(name + ".csv", "text/csv", csvOf(numbersHeads(), numbersRows())),
        },
        "Download CSV",
      ),
      make(
        "button",
        {
          type: "button",
          id: "json",
          onclick: () => download(name + ".json", "application/json", JSON.stringify(result, null, 1)),
        },
        "Download JSON",
      ),
    ),
  );
  const holder = make("div");
  const draw = () =>
    holder.replaceChildren(
      make(
        "details",
        {},
        make("summary", {}, "Show the table"),
        tableOf(
          [
            "workload",
            "model",
            ...keys.map(
              (key) => metricNamed[key].title + (metricNamed[key].unit ? ", " + metricNamed[key].unit : ""),
            ),
          ],
          result.sections
            .filter(isChosen)
            .flatMap((section) =>
              section.rows
                .filter((row) => isShown(row.name))
                .map((row) => [section.workload, row.name, ...keys.map((key) => short(row.values[key]?.mean))]),
            ),
        ),
      ),
    );
  filterCallbacks.push(draw);
  draw();
  parent.append(holder);
}

function drawMachine() {
  const parent = part("machine", "Machine and method", "A number without its machine says nothing.", "Machine");
  const { machine, plan } = result;
  const noise = result.disturbance;
  const percent = (share) => Math.round(share * 100) + " %";
  const sameCores = plan.server_cores.join() === plan.load_cores.join();
  const facts = [
    ["processor", machine.processor || "unknown"],
    [
      "cores",
      `${machine.cores}${sameCores ? ", shared by server and load" : `; server on ${plan.server_cores.join(", ")}, load on ${plan.load_cores.join(", ")}`}`,
    ],
    ["virtual", machine.virtual ? "yes" : "no hypervisor detected"],
    ["governor", machine.governor || "unknown"],
    ["memory", `${short(machine.memory_mib / 1024)} GiB`],
    ["kernel", machine.kernel],
    [
      "limits",
      `${machine.descriptors} descriptors per process${machine.listen_queue ? `, ${machine.listen_queue} clients in the listen backlog` : ""}`,
    ],
    ["load average before", short(machine.load_average)],
    [
      "host noise",
      `other programs ${percent(noise.others)} of the CPUs; hypervisor ${percent(noise.stolen)} (steal)`,
    ],
    ["started", result.begun],
    ["programs", `parley ${result.parley}, ${result.compiler}`],
    [
      "plan",
      `${plan.name}; seed ${plan.seed}; ${result.cells.length} measurements${result.complete ? "" : ", incomplete"}`,
    ],
  ];
  parent.append(
    make(
      "dl",
      { class: "facts" },
      ...facts.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]),
    ),
    make(
      "p",
      {},
      "Each measurement starts a new server and a separate load generator, which checks every byte. Each round has a new random order. The logarithms of a metric are fitted by server and round. A difference is reported if the simultaneous 95 % interval of the ratio excludes 1 (Tukey-Kramer): 5 of 100 tables of equal servers report one.",
    ),
    make(
      "details",
      {},
      make("summary", {}, "The plan (repeat it with --plan)"),
      make("pre", { tabindex: "0" }, JSON.stringify(plan, null, 1)),
    ),
  );
}
