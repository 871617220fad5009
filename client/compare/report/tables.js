// Stevens' table, what could not be measured, each model's card, every number, and where it was measured.

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
  const into = part(
    "stevens",
    "Stevens' table, thirty years later",
    "Processor time for process control: what a server needs beyond the iterative one to serve 2,500 clients, five at a time, one request of 4,000 bytes each. His four columns are the published ones; the last one is this machine's, in seconds too.",
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
        const row = ranked(section).find((one) => one.name === name);
        const cpu = row?.values.cpu_us;
        if (!cpu) return [title, ...published, "–", "", ""];
        const [mid, low, high] = over(cpu);
        return [
          title,
          ...published,
          name === "iterative" ? "0" : short(mid),
          name === "iterative" ? `${short(base.mean)} us a request` : `${short(low)} to ${short(high)}`,
          short(row.values.fairness?.mean),
        ];
      });
  const holder = make("div", { id: "stevens-table" });
  const draw = () => {
    const table = tableOf(heads, rows());
    for (const line of table.querySelectorAll("tr")) line.children[5]?.classList.add("ours");
    holder.replaceChildren(table, csvButton("stevens", heads, rows));
  };
  refills.push(draw);
  draw();
  into.append(holder);
  drawShares(
    into,
    "clients",
    "Clients by worker",
    "his figure 30.2: the busiest first; a level line shares evenly",
    () => "stevens",
    "clients",
  );
}

/// Each model with each of the small services, at the same level.
function drawServices() {
  const all = sectionsOf("services");
  if (all.length === 0) return;
  const into = part(
    "services",
    "What a service costs",
    `The same model with each of the small services, over ${workloadNamed[all[0].workload].connections} connections. They live as long as the load, but that a greeting (welcome) ends its connection, so that each costs a new one.`,
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
  refills.push(draw);
  draw();
  into.append(holder);
}

function drawEmpty() {
  const heads = ["workload", "model", "why there is no figure"];
  const all = () =>
    result.sections.filter(isChosen).flatMap((section) =>
      section.rows
        .filter((row) => isShown(row.name))
        .flatMap((row) => {
          const load = workloadNamed[section.workload],
            found = [];
          const of = (rounds) => `round${rounds.length > 1 ? "s" : ""} ${rounds.join(", ")}: `;
          for (const problem of row.problems)
            found.push([section.workload, row.name, of(problem.rounds) + problem.text]);
          for (const doubt of row.doubts)
            found.push([section.workload, row.name, of(doubt.rounds) + "not valid: " + doubt.text]);
          if (Object.keys(row.values).length && row.served < load.connections)
            found.push([
              section.workload,
              row.name,
              `served ${row.served} of ${load.connections} connections: the others waited until the load was over`,
            ]);
          return found;
        }),
    );
  const into = part(
    "empty",
    "Empty cells",
    "What a model could not do, or what does not count, is as telling as a number.",
  );
  const holder = make("div", { id: "empty-table" });
  const draw = () => {
    const rows = all();
    holder.replaceChildren(
      rows.length
        ? tableOf(heads, rows, "text")
        : make("p", { class: "note" }, "None: every model served every connection, and every figure counts."),
    );
  };
  refills.push(draw);
  draw();
  into.append(holder);
}

function drawModels() {
  const into = part(
    "models",
    "The models",
    "What each model's own file says of it, beside what was measured here, and what its counters say about why.",
    "Models",
  );
  const holder = make("div", { class: "models" });
  into.append(holder);
  for (const one of result.plan.contenders.filter((each) => each.in_all)) {
    const card = result.cards.find((each) => each.model === one.model);
    const reasons = result.reasons.filter(
      (each) =>
        each.contender === one.name && result.answers.some((answer) => answer.workload === each.workload),
    );
    const starts = result.sections
      .flatMap((section) => section.rows.filter((row) => row.name === one.name && row.values.start_ms))
      .map((row) => row.values);
    const shown = reasons.length
      ? reasons
      : result.reasons.filter((each) => each.contender === one.name).slice(0, 4);
    holder.append(
      make(
        "article",
        { class: "card model", "data-model": one.name },
        make("h3", {}, one.name),
        make("p", { class: "summary" }, card ? card.summary : one.command || one.options.join(" ")),
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
          ...shown.map((each) =>
            make(
              "p",
              {},
              make(
                "b",
                {},
                (result.answers.find((answer) => answer.workload === each.workload)?.question ||
                  each.workload) + ": ",
              ),
              each.text,
            ),
          ),
          starts.length
            ? make(
                "p",
                {},
                make("b", {}, "Start and stop: "),
                `${short(median(starts.map((row) => row.start_ms.mean)))} ms until it listened, ${short(median(starts.map((row) => row.stop_ms.mean)))} ms from the signal to its end.`,
              )
            : null,
        ),
      ),
    );
  }
  refills.push(() => {
    for (const card of holder.children) card.hidden = !isShown(card.dataset.model);
  });
}

const numbersHeads = () => [
  "workload",
  "model",
  "rounds",
  "served",
  ...result.figures.flatMap((figure) => [figure.key, figure.key + "_low", figure.key + "_high"]),
];

const numbersRows = () =>
  result.sections.filter(isChosen).flatMap((section) =>
    section.rows
      .filter((row) => isShown(row.name))
      .map((row) => [
        section.workload,
        row.name,
        Math.max(0, ...Object.values(row.values).map((one) => one.values.length)),
        row.served,
        ...result.figures.flatMap((figure) => {
          const one = row.values[figure.key];
          return one ? [plain(one.mean), plain(one.low), plain(one.high)] : ["", "", ""];
        }),
      ]),
  );

function drawNumbers() {
  const into = part(
    "numbers",
    "Every number",
    "Medians over the rounds; the files hold the intervals and each single measurement as well.",
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
  into.append(
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
              (key) => figureNamed[key].title + (figureNamed[key].unit ? ", " + figureNamed[key].unit : ""),
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
  refills.push(draw);
  draw();
  into.append(holder);
}

function drawMachine() {
  const into = part(
    "machine",
    "Where and how it was measured",
    "A number without its machine says nothing.",
    "Machine",
  );
  const { machine, disturbance, plan } = result;
  const percent = (share) => Math.round(share * 100) + " %";
  const sameCores = plan.server_cores.join() === plan.load_cores.join();
  const facts = [
    ["processor", machine.processor || "unknown"],
    [
      "cores",
      `${machine.cores}${sameCores ? ", shared by server and load" : `; server on ${plan.server_cores.join(", ")}, load on ${plan.load_cores.join(", ")}`}`,
    ],
    ["virtual", machine.virtual ? "yes" : "no hypervisor seen"],
    ["governor", machine.governor || "the kernel does not tell"],
    ["memory", `${short(machine.memory_mib / 1024)} GiB`],
    ["kernel", machine.kernel],
    [
      "limits",
      `${machine.descriptors} descriptors for a process${machine.listen_queue ? `, ${machine.listen_queue} clients in a listener's queue` : ""}`,
    ],
    ["load before", short(machine.load_average)],
    [
      "others meanwhile",
      `${percent(disturbance.others)} of the processors; a hypervisor ${percent(disturbance.stolen)}`,
    ],
    ["begun", result.begun],
    ["programs", `parley ${result.parley}, ${result.compiler}`],
    [
      "plan",
      `${plan.name}; seed ${plan.seed}; ${result.cells.length} measurements${result.complete ? "" : ", not complete"}`,
    ],
  ];
  into.append(
    make(
      "dl",
      { class: "facts" },
      ...facts.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]),
    ),
    make(
      "p",
      {},
      "Each measurement has a fresh server and a load from a process of its own, which checks every byte. Every round has an order of its own. The logarithms of a figure are fitted by server and round. A difference is reported if 1 is not in the simultaneous 95 % interval of the ratio (Tukey, Kramer): of 100 tables of equal servers, 5 report one.",
    ),
    make(
      "details",
      {},
      make("summary", {}, "The plan, to repeat it with --plan"),
      make("pre", { tabindex: "0" }, JSON.stringify(plan, null, 1)),
    ),
  );
}
