// Charts by Chart.js: common styles, intervals as whiskers, and a table of the same numbers for each chart.

// Colours that remain distinct under colour blindness (after Okabe and Ito). Marks and dashes repeat the distinction.
const hues = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b0417f", "#8a6d00", "#3b8fc4", "#5b3f9e", "#444a52"],
  dark: ["#5cb0ee", "#ff8a4c", "#3fcf9f", "#ec92c4", "#e8c547", "#9fd4f7", "#b9a2f2", "#c3c9d1"],
};
const marks = ["circle", "rect", "triangle", "rectRot", "crossRot", "star", "rectRounded", "cross"];
const dashes = [[], [7, 3], [2, 3], [10, 3, 2, 3]];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function styleOf(name) {
  const i = Math.max(0, contenders.indexOf(name));
  const hue = hues[isDark() ? "dark" : "light"][i % 8];
  return {
    borderColor: hue,
    backgroundColor: hue,
    pointStyle: marks[(i + (i >> 3) * 3) % 8],
    borderDash: dashes[(i + (i >> 3)) % 4],
    borderWidth: 2,
    pointRadius: 5,
    pointHoverRadius: 8,
  };
}

/// Chart.js plugin that draws dataset.intervals, a pair [low, high] per point, as whiskers.
const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const draw = chart.ctx,
      across = chart.options.indexAxis === "y";
    chart.data.datasets.forEach((dataset, number) => {
      const meta = chart.getDatasetMeta(number);
      if (!dataset.intervals || meta.hidden) return;
      const scale = across ? chart.scales.x : chart.scales.y;
      draw.save();
      draw.strokeStyle = dataset.whiskerColor || dataset.borderColor;
      draw.lineWidth = 1.5;
      dataset.intervals.forEach((pair, i) => {
        if (!pair || !meta.data[i]) return;
        const [from, to] = pair.map((value) =>
          Math.min(Math.max(scale.getPixelForValue(Math.max(value, scale.min)), -5), 5000),
        );
        const at = across ? meta.data[i].y : meta.data[i].x,
          cap = across ? 4 : 3;
        draw.beginPath();
        const line = (x1, y1, x2, y2) =>
          across ? (draw.moveTo(y1, x1), draw.lineTo(y2, x2)) : (draw.moveTo(x1, y1), draw.lineTo(x2, y2));
        line(at, from, at, to);
        line(at - cap, from, at + cap, from);
        line(at - cap, to, at + cap, to);
        draw.stroke();
      });
      draw.restore();
    });
  },
};
Chart.register(whiskers);

const drawn = new Map(); // canvas -> function that redraws it after a change of theme or filters

function applyChartTheme() {
  Chart.defaults.color = css("--soft");
  Chart.defaults.borderColor = css("--grid");
  Chart.defaults.font.family = css("--sans");
  Chart.defaults.font.size = 12;
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.plugins.legend.labels.usePointStyle = true;
  Chart.defaults.plugins.tooltip.padding = 10;
  Chart.defaults.plugins.tooltip.usePointStyle = true;
}

/// Tick labels of a logarithmic axis: fewer if it spans more decades.
const ticks = {
  callback(value) {
    const digit = Number(value.toExponential().split("e")[0]),
      decades = Math.log10(this.max / this.min);
    return (decades > 2 ? [1] : decades > 1 ? [1, 3] : [1, 2, 3, 5, 7]).includes(digit) ? short(value) : "";
  },
};

/// Returns the limits of a logarithmic axis that fit the series. Chart.js would extend them to whole decades.
function tightLimits(series) {
  const all = series
    .flatMap(({ points }) => points.flatMap(({ y }) => (y.values?.length > 1 ? [y.low, y.high] : [y.mean])))
    .filter((value) => value > 0);
  return all.length ? { min: Math.min(...all) / 1.2, max: Math.max(...all) * 1.2 } : {};
}

function axis(title, kind, extra = {}) {
  const base = { title: { display: Boolean(title), text: title }, grid: { color: css("--grid") }, ...extra };
  return kind === "log"
    ? { type: "logarithmic", ticks, ...base }
    : { type: "linear", ticks: { callback: short }, ...base };
}

/// Appends a figure that is redrawn when a filter changes. `config()` returns the configuration of Chart.js, or null if
/// there is nothing to show. `table()` returns [heads, rows] with the same numbers.
function chartFigure(parent, id, caption, hint, height, config, table) {
  const canvas = make("canvas", { id: "chart-" + id, role: "img" });
  const box = make("div", { class: "canvas" }, canvas);
  const numbers = make("div");
  const figure = make(
    "figure",
    { id: "figure-" + id },
    make("figcaption", {}, caption, hint ? make("span", {}, " " + hint) : null),
    box,
    make("details", {}, make("summary", {}, "The numbers"), numbers),
  );
  parent.append(figure);
  let chart = null;
  const draw = () => {
    chart?.destroy();
    chart = null;
    const settings = config();
    figure.hidden = !settings;
    if (!settings) return;
    box.style.height = (typeof height === "function" ? height(settings) : height) + "px";
    const [heads, rows] = table();
    canvas.setAttribute(
      "aria-label",
      `${caption}. ${rows
        .slice(0, 4)
        .map((row) => row.join(" "))
        .join("; ")}. All numbers are in the table below.`,
    );
    numbers.replaceChildren(
      tableOf(heads, rows),
      csvButton(id, heads, () => table()[1]),
    );
    chart = new Chart(canvas, settings);
  };
  drawn.set(canvas, draw);
  draw();
  return figure;
}

/// Returns the configuration of horizontal bars: `bars` are {name, value: estimate, isBest}, the best first.
function barConfig(bars, unit, options = {}) {
  if (bars.length === 0) return null;
  const colors = bars.map((bar) => (bar.isBest ? css("--accent") : css("--muted")));
  return {
    type: "bar",
    data: {
      labels: bars.map((bar) => bar.name),
      datasets: [
        {
          data: bars.map((bar) => bar.value.mean),
          backgroundColor: colors,
          borderColor: css("--ink"),
          borderWidth: 0,
          whiskerColor: css("--ink"),
          barPercentage: 0.82,
          categoryPercentage: 0.86,
          borderRadius: 3,
          intervals: bars.map((bar) => (bar.value.values.length > 1 ? [bar.value.low, bar.value.high] : null)),
        },
      ],
    },
    options: {
      indexAxis: "y",
      layout: { padding: { right: 8 } },
      scales: {
        x: axis(options.title, "linear", {
          beginAtZero: true,
          max: options.max,
          ticks: { callback: short, maxTicksLimit: 6 },
          suggestedMax: Math.max(...bars.map((bar) => bar.value.high)),
        }),
        y: { grid: { display: false }, ticks: { color: css("--ink"), autoSkip: false } },
      },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: (item) => estimateText(bars[item.dataIndex].value, unit) } },
      },
    },
  };
}

const barHeight = (config) => 30 + 18 * config.data.labels.length;

/// Returns the configuration of lines with intervals: `series` are {name, points: [{x, y: estimate}]}.
function lineConfig(series, x, y) {
  const shown = series.filter(({ points }) => points.length > 0);
  if (shown.length === 0) return null;
  const nameOf = x.name || ((value) => short(value));
  return {
    type: "line",
    data: {
      datasets: shown.map(({ name, points }) => ({
        label: name,
        ...styleOf(name),
        data: points.map((point) => ({ x: point.x, y: point.y.mean })),
        estimates: points.map((point) => point.y),
        intervals: points.map((point) =>
          point.y.values && point.y.values.length > 1 ? [point.y.low, point.y.high] : null,
        ),
      })),
    },
    options: {
      interaction: { mode: "nearest", intersect: false, axis: "xy" },
      scales: {
        x: axis(x.title, x.kind, x.extra),
        y: axis(y.title, y.kind, y.kind === "log" ? tightLimits(shown) : y.extra),
      },
      plugins: {
        legend: { position: "bottom" },
        tooltip: {
          callbacks: {
            title: (items) => nameOf(items[0].parsed.x) + " " + (x.unit || ""),
            label: (item) => {
              const estimate = item.dataset.estimates[item.dataIndex];
              return `${item.dataset.label}: ${estimate.values ? estimateText(estimate, y.unit) : withUnit(estimate.mean, y.unit)}`;
            },
          },
        },
      },
    },
  };
}
