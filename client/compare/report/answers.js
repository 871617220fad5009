// The first screen: for each question the answer in words, by how much, how sure, and the picture that it rests on.

function drawAnswers() {
  const cards = document.getElementById("answer-cards");
  for (const answer of result.answers) {
    const section = sectionNamed[answer.workload];
    const figure = figureNamed[answer.figure];
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
        .filter((row) => row.values[figure.key] && isShown(row.name))
        .map((row) => ({
          name: row.name,
          value: row.values[figure.key],
          isBest: answer.best.includes(row.name),
        }))
        .sort((a, b) => (figure.more ? 1 : -1) * (b.value.mean - a.value.mean));
    chartFigure(
      card,
      "answer-" + answer.workload,
      `${figure.title}${figure.unit && figure.unit !== "/s" ? ", " + figure.unit : ""}`,
      figure.more ? "more is better" : "less is better",
      barHeight,
      () => barConfig(bars(), figure.unit),
      () => [
        ["model", figure.title, "95 % from", "to", "CPU us per request", "p99, ms"],
        bars().map(({ name, value }) => {
          const row = section.rows.find((one) => one.name === name);
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
    "Coloured bars: the best mean, and those shown to be within 10 % of it. Whiskers: where the mean of a server lies, 95 times in 100 (Student's t, of the logarithms). " +
    result.circumstances +
    " " +
    result.noise;
}

function drawClaims() {
  if (result.claims.length === 0) return;
  const into = part(
    "claims",
    "What the notes say, in this run",
    "Claims that are taught, held against what was measured here.",
    "Claims",
  );
  into.append(
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
