// The report of parley-compare in a real browser: what is drawn, how it reacts, and that it needs nothing else.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const report = pathToFileURL(process.env.REPORT).href;
let browser, page, complaints, requests;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});

after(() => browser.close());

async function open(fragment = "", options = {}) {
  await page?.context().close();
  const context = await browser.newContext({
    colorScheme: "light",
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  page = await context.newPage();
  complaints = [];
  requests = [];
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) complaints.push(said.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(report + fragment);
}

beforeEach(() => open());

/// Of the charts that are to be seen, those without any ink.
const blankCharts = () =>
  page.$$eval("canvas", (all) =>
    all
      .filter((canvas) => canvas.offsetParent)
      .filter(
        (canvas) =>
          !canvas
            .getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height)
            .data.some((value) => value),
      )
      .map((canvas) => canvas.id),
  );

const brightness = () =>
  page.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
    return (red + green + blue) / 3;
  });

const firstColumn = (figure) =>
  page.$$eval(`#figure-${figure} tbody tr`, (rows) => rows.map((row) => row.children[0].textContent));

test("it is whole by itself: no complaint, and no request but for the file", async () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(
    requests.filter((url) => !url.startsWith(report) && !url.startsWith("data:")),
    [],
  );
});

test("every chart is drawn, and has a table with the same servers", async () => {
  const charts = await page.$$eval("figure", (all) =>
    all.filter((one) => one.offsetParent).map((one) => one.id),
  );
  assert.ok(
    charts.includes("figure-answer-short") &&
      charts.includes("figure-rate") &&
      charts.includes("figure-latency"),
    charts.join(),
  );
  assert.deepEqual(await blankCharts(), []);
  for (const canvas of await page.$$("figure:not([hidden]) canvas"))
    assert.ok((await canvas.getAttribute("aria-label")).length > 20);
  assert.deepEqual((await firstColumn("answer-short")).sort(), ["epoll", "iterative", "thread"]);
  const shown = await page.evaluate(() => Chart.getChart("chart-answer-short").data.labels);
  assert.deepEqual(shown, await firstColumn("answer-short"));
});

test("the answer is in words on the first screen", async () => {
  const words = await page.$$eval(".answer", (all) =>
    all.map((one) => [".kicker", ".headline", ".margin"].map((part) => one.querySelector(part).textContent)),
  );
  assert.deepEqual(
    words.map(([question]) => question),
    ["Requests that compute", "Short connections"],
  );
  assert.equal(words[1][1], "epoll");
  assert.match(words[1][2], /needs 1\.\d+ times what epoll does \(95 % interval: .* to .*\)/);
  for (const canvas of await page.$$("#answers canvas")) {
    const box = await canvas.boundingBox();
    assert.ok(box.y + box.height < 900, "a picture is below the first screen");
  }
});

test("what a model cannot do is told", async () => {
  assert.match(await page.textContent("#empty-table"), /iterativeserved 1 of 8 connections/);
});

test("a model that is filtered out leaves charts and tables, and a link keeps that", async () => {
  await page.uncheck("#filter-models input[value=thread]");
  assert.deepEqual((await firstColumn("answer-short")).sort(), ["epoll", "iterative"]);
  assert.ok(
    !(await page.evaluate(() => Chart.getChart("chart-rate").data.datasets.map((one) => one.label))).includes(
      "thread",
    ),
  );
  assert.equal(await page.isVisible('[data-model="thread"]'), false);
  const link = new URL(page.url()).hash;
  assert.match(link, /models=/);
  await open(link);
  assert.equal(await page.isChecked("#filter-models input[value=thread]"), false);
  assert.deepEqual((await firstColumn("answer-short")).sort(), ["epoll", "iterative"]);
  await page.click("#filter-none");
  assert.equal((await firstColumn("answer-short")).length, 3);
  assert.deepEqual(complaints, []);
});

test("service and level choose what is shown", async () => {
  await page.selectOption("#filter-level", "100");
  const levels = await page.$$eval(
    "#figure-rate tbody tr",
    (rows) => new Set(rows.map((row) => row.children[1].textContent)).size,
  );
  assert.equal(levels, 1);
  await page.selectOption("#filter-level", "");
  await page.selectOption("#filter-service", "pi");
  assert.equal(await page.isVisible("#figure-rate"), false);
  assert.match(await page.$eval("#of option:checked", (option) => option.textContent), /pi/);
  assert.match(page.url(), /service=pi/);
});

test("how far each server went stands with the reason why no further", async () => {
  await page.click("#filter-none");
  const rows = await page.$$eval("#capacity-table tbody tr", (all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent)),
  );
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      ["thread", "100", "none of those tried"],
      ["epoll", "100", "none of those tried"],
      ["iterative", "1", "10"],
    ],
  );
  assert.match(rows.at(-1)[3], /only 1 were served/);
});

test("where curves cross is told below them", async () => {
  const told = await page.$$eval("#crossings-levels li", (all) => all.map((one) => one.textContent));
  assert.deepEqual(
    told.filter((text) => text.includes("requests per second")),
    ["echo, 64 bytes, requests per second by connections: thread is better up to 1, epoll from 10 on."],
  );
});

test("each service stands next to the others, and Stevens' clients by worker are drawn", async () => {
  const heads = await page.$$eval("#services-table th[scope=col]", (all) => all.map((one) => one.textContent));
  assert.deepEqual(
    heads.filter((_, i) => i % 3 === 1),
    ["echo", "hello"],
  );
  assert.equal((await page.$$("#services-table tbody tr")).length, 2); // iterative cannot serve fifty
  await page.selectOption("#filter-service", "hello");
  assert.equal((await page.$$("#services-table th[scope=col]")).length, 4);
  await page.click("#filter-none");
  assert.ok((await firstColumn("clients")).length >= 2);
});

test("the workload in detail is the reader's choice", async () => {
  await page.selectOption("#of", "levels-10");
  assert.ok((await firstColumn("cpu")).length >= 2);
  assert.match(page.url(), /of=levels-10/);
  assert.deepEqual(await blankCharts(), []);
});

test("dark where the system is dark, or where the reader wants it", async () => {
  assert.ok((await brightness()) > 200);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark"); // the browser tells the page a little later
  assert.ok((await brightness()) < 60);
  assert.deepEqual(await blankCharts(), []);
  await page.click("#theme");
  assert.ok((await brightness()) > 200);
  assert.match(page.url(), /theme=light/);
});

test("on paper it is light, without what can only be clicked", async () => {
  await page.emulateMedia({ colorScheme: "dark", media: "print" });
  assert.equal(await page.isVisible("#filters"), false);
  await page.addStyleTag({ content: "#answers { width: 700px; }" }); // as wide as paper, with charts drawn for a screen
  const cut = await page.$$eval(
    "#answers canvas",
    (all) => all.filter((one) => one.getBoundingClientRect().width > one.parentElement.clientWidth + 1).length,
  );
  assert.equal(cut, 0);
  const paper = await page.pdf({ format: "A4" });
  assert.ok(paper.length > 50_000);
  assert.deepEqual(complaints, []);
});

test("a telephone needs no scrolling sideways", async () => {
  await open("", { viewport: { width: 390, height: 844 } });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  assert.deepEqual(await blankCharts(), []);
});

test("it can be used by keyboard", async () => {
  await page.focus("#figure-answer-short summary");
  await page.keyboard.press("Enter");
  assert.equal(await page.isVisible("#figure-answer-short table"), true);
  await page.focus("#filter-models input[value=epoll]");
  await page.keyboard.press("Space");
  assert.ok(!(await firstColumn("answer-short")).includes("epoll"));
});

test("hovering shows the numbers", async () => {
  const label = await page.evaluate(() => {
    const chart = Chart.getChart("chart-answer-short"),
      bar = chart.getDatasetMeta(0).data[0];
    chart.tooltip.setActiveElements([{ datasetIndex: 0, index: 0 }], { x: bar.x, y: bar.y });
    chart.update();
    return chart.tooltip.body[0].lines[0];
  });
  assert.match(label, /us \(95 % interval: .* to .*\)/);
});

test("every number can be had as CSV and as JSON", async () => {
  const saved = async (button) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    return readFile(await download.path(), "utf8");
  };
  const lines = (await saved("#csv")).trim().split("\n");
  assert.match(lines[0], /^workload,model,rounds,served,rate,rate_low,rate_high,/);
  const rows = await page.evaluate(() =>
    result.sections.reduce((sum, section) => sum + section.rows.length, 0),
  );
  assert.equal(lines.length, 1 + rows);
  const all = JSON.parse(await saved("#json"));
  assert.equal(all.schema, "parley-compare/2");
  assert.ok(all.cells.length > 20);
});
