// Functions that create elements. Text is set as text, so the name of a server is never markup.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/// Creates a table from rows of texts. The first cell of each row is its header.
function tableOf(heads, rows, style = "") {
  const line = (row) =>
    make("tr", {}, ...row.map((cell, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, String(cell))));
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table: " + heads.join(", ") },
    make(
      "table",
      { class: style },
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map(line)),
    ),
  );
}

const csvOf = (heads, rows) =>
  [heads, ...rows]
    .map((row) =>
      row
        .map((cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell)))
        .join(","),
    )
    .join("\n") + "\n";

function download(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const csvButton = (name, heads, rows) =>
  make(
    "button",
    { type: "button", onclick: () => download(name + ".csv", "text/csv", csvOf(heads, rows())) },
    "Download CSV",
  );

/// Adds a section to the page, and its entry to the contents.
function part(id, title, intro, brief = title) {
  const section = make(
    "section",
    { id, class: "part", "aria-labelledby": id + "-title" },
    make("h2", { id: id + "-title" }, title),
    make("p", { class: "intro" }, intro),
  );
  document.getElementById("sections").append(section);
  const link = make(
    "a",
    {
      href: "#at=" + id,
      onclick: (event) => {
        event.preventDefault();
        goTo(id);
      },
    },
    brief,
  );
  document.getElementById("contents").append(link);
  return section;
}

function goTo(id) {
  choice.at = id;
  writeChoice();
  document.getElementById(id)?.scrollIntoView();
}
