// The first screen: for each question the recommendation, the margin with its interval, and the chart of the metric.

function drawAnswers() {
  const cards = document.getElementById("answer-cards");
  for (const answer of result.answers) {
    const section = sectionNamed[answer.workload];
    const metric = metricNamed[answer.figure];
    const card = make(
      "article",
      { class: "card answer", id: "answer-" + answer.workload },
      make("h2", { class: "kicker" }, answer.question),
      make("p", { class: "headline" }, answer.headline),
      make("p", { class: "margin" }, answer.margin),
      make("p", { class: "asked" }, section.text),
    );
    const bars = () =>
      ranked(section)
        .filter((row) => row.values[metric.key] && isShown(row.name))
        .map((row) => ({
          name: row.name,
          value: row.values[metric.key],
          isBest: answer.best.includes(row.name),
        }))
        .sort((a, b) => (metric.more ? 1 : -1) * (b.value.mean - a.value.mean));
    chartFigure(
      card,
      "answer-" + answer.workload,
      `${metric.title}${metric.unit && metric.unit !== "/s" ? ", " + metric.unit : ""}`,
      metric.more ? "more is better" : "less is better",
      barHeight,
      () => barConfig(bars(), metric.unit),
      () => [
        ["model", metric.title, "95 % from", "to", "CPU us per request", "p99, ms"],
        bars().map(({ name, value }) => {
          const row = section.rows.find((candidate) => candidate.name === name);
          return [
            name,
            short(value.mean),
            short(value.low),
            short(value.high),
            short(row.values.cpu_us?.mean),
            short(row.values.p99_ms?.mean),
          ];
        }),
      ],
    );
    card.append(make("div", { class: "reason" }, ...answer.reason.map((text) => make("p", {}, text))));
    cards.append(card);
  }
  document.getElementById("answers").hidden = result.answers.length === 0;
  document.getElementById("how-sure").textContent =
    "Coloured bars: the best mean and the models within 10 % of it (95 % intervals). Whiskers: 95 % confidence interval of the mean (Student's t, of the logarithms). " +
    result.circumstances +
    " " +
    result.noise;
}

function drawClaims() {
  if (result.claims.length === 0) return;
  const section = part(
    "claims",
    "Claims of the lecture notes",
    "Each claim is confirmed, refuted or undecided by the 95 % interval of this run.",
    "Claims",
  );
  section.append(
    make(
      "ul",
      { class: "claims" },
      ...result.claims.map((claim) =>
        make(
          "li",
          {},
          make("span", { class: "verdict " + claim.verdict.replace(" ", "-") }, claim.verdict),
          make("h3", {}, claim.text),
          make("p", {}, claim.evidence),
        ),
      ),
    ),
  );
}
