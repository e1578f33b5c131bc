"use strict";

// Every table can be saved as CSV: with all digits where a cell has them, else what it shows.
for (const region of document.querySelectorAll("main .wide")) {
  const table = region.querySelector("table"), button = document.createElement("button");
  button.type = "button";
  button.className = "csv";
  button.textContent = "CSV";
  button.setAttribute("aria-label", `Download as CSV: ${region.getAttribute("aria-label")}`);
  button.addEventListener("click", () => {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const shown = (cell) => cell.dataset.value ?? cell.textContent.trim().replace(/^–$/, "");
    const lines = [...table.rows].map((row) => [...row.cells].map(shown).map(quoted).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = `${table.id}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const tools = document.createElement("p");
  tools.className = "tools";
  tools.append(button);
  region.before(tools);
}

// The curves: two charts of any choice of arms.
{
  const { arms, chosen } = JSON.parse(document.getElementById("curves-data").textContent);
  const names = Object.keys(arms);
  const shown = new Set(chosen);
  const app = document.getElementById("curves-app");
  const charts = app.querySelector(".charts");
  const values = app.querySelector(".values");
  const WIDTH = 560, HEIGHT = 340, LEFT = 52, RIGHT = 12, TOP = 30, BOTTOM = 42;
  const CHARTS = [
    { title: "Loss (nats per digit)", kind: "loss", factor: 1 },
    { title: "Accuracy (%)", kind: "accuracy", factor: 100 },
  ];
  const LINES = { train: "5 4", validation: "" };
  // The golden angle keeps neighbours in the list apart in colour.
  const hue = (name) => `--hue: ${Math.round(names.indexOf(name) * 137.5) % 360}`;
  let cursor = null; // the epoch whose values are shown
  let lastEpoch = 1; // of the arms that are on
  let moveCursors = []; // one a chart

  const element = (tag, attributes, parent, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  // Round steps, no more than about six of them.
  const ticks = (low, high) => {
    const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
  };

  const draw = ({ title, kind, factor }) => {
    const svg = element("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: "img", "data-kind": kind,
      "aria-label": `${title} over epochs of ${[...shown].join(", ") || "no arm"}; arrow keys show values`,
    }, document.createElement("figure"));
    element("text", { x: LEFT, y: 14 }, svg, `${title}: validation solid, training dashed`);
    const on = names.filter((name) => shown.has(name));
    const epochs = Math.max(2, lastEpoch); // an axis needs two ends
    const bands = on.flatMap((name) => Object.keys(LINES).map((split) => arms[name][`${split}_${kind}`]));
    let low = Math.min(...bands.flatMap((band) => band.low)) * factor;
    let high = Math.max(...bands.flatMap((band) => band.high)) * factor;
    if (!bands.length) [low, high] = [0, factor];
    if (high - low < 1e-9) high = low + 1e-3;
    const x = (epoch) => LEFT + ((epoch - 1) / (epochs - 1)) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    for (const tick of ticks(low, high)) {
      element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }, svg);
      element("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, svg, Number(tick.toPrecision(6)));
    }
    for (const tick of ticks(1, epochs).filter((tick) => Number.isInteger(tick) && tick <= lastEpoch)) {
      element("text", { x: x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, svg, tick);
    }
    element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, svg, "epoch");
    for (const name of on) {
      const { epochs: of } = arms[name];
      for (const [split, dashes] of Object.entries(LINES)) {
        const band = arms[name][`${split}_${kind}`];
        const path = (part, order) => order.map((i) => `${x(of[i])},${y(factor * band[part][i])}`).join(" ");
        const forward = of.map((_, i) => i);
        element("polygon", {
          points: `${path("high", forward)} ${path("low", [...forward].reverse())}`,
          class: "band", style: hue(name),
        }, svg);
        element("polyline", {
          points: path("mean", forward), class: "line", style: hue(name),
          "stroke-dasharray": dashes, "data-arm": name, "data-split": split,
        }, svg);
      }
    }
    const line = element("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM }, svg);
    moveCursors.push(() => {
      line.style.display = cursor === null ? "none" : "";
      line.setAttribute("x1", x(cursor ?? 1));
      line.setAttribute("x2", x(cursor ?? 1));
    });
    const point = (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * WIDTH;
      show(Math.round(1 + ((at - LEFT) / (WIDTH - LEFT - RIGHT)) * (epochs - 1)));
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      show((cursor ?? (step > 0 ? 0 : lastEpoch + 1)) + step);
    });
    return svg;
  };

  const describe = () => {
    values.replaceChildren();
    if (cursor === null) return;
    values.append(`Epoch ${cursor} (mean; lowest to highest): `);
    for (const name of names.filter((name) => shown.has(name))) {
      const i = arms[name].epochs.indexOf(cursor);
      if (i < 0) continue;
      const accuracy = arms[name].validation_accuracy, loss = arms[name].validation_loss;
      const percent = (part) => (100 * accuracy[part][i]).toFixed(2);
      const line = document.createElement("span");
      line.textContent =
        `${name}: validation ${percent("mean")} % (${percent("low")} to ${percent("high")}), loss ` +
        `${loss.mean[i].toFixed(4)} (${loss.low[i].toFixed(4)} to ${loss.high[i].toFixed(4)}), training ` +
        `${(100 * arms[name].train_accuracy.mean[i]).toFixed(2)} %, ${arms[name].train_loss.mean[i].toFixed(4)}`;
      values.append(line);
    }
  };

  const render = () => {
    const lasts = names.filter((name) => shown.has(name)).map((name) => arms[name].epochs.at(-1));
    lastEpoch = Math.max(1, ...lasts);
    if (cursor !== null) cursor = Math.min(cursor, lastEpoch);
    moveCursors = [];
    charts.replaceChildren(...CHARTS.map((chart) => draw(chart).parentElement));
    moveCursors.forEach((move) => move());
    describe();
  };

  const show = (epoch) => {
    epoch = Math.min(lastEpoch, Math.max(1, epoch));
    if (epoch === cursor) return;
    cursor = epoch;
    moveCursors.forEach((move) => move());
    describe();
  };

  // Of many lines the one whose name is pointed at, or focused, stands out.
  const emphasize = (name, strong) => {
    for (const line of charts.querySelectorAll("polyline")) {
      line.classList.toggle("strong", strong && line.dataset.arm === name);
    }
  };

  const boxes = names.map((name) => {
    const label = document.createElement("label"), box = document.createElement("input");
    const mark = document.createElement("span");
    box.type = "checkbox";
    box.name = name;
    box.checked = shown.has(name);
    box.addEventListener("change", () => {
      box.checked ? shown.add(name) : shown.delete(name);
      render();
    });
    mark.className = "mark";
    mark.style = hue(name);
    label.append(box, mark, name);
    for (const [event, strong] of [["pointerenter", true], ["pointerleave", false]]) {
      label.addEventListener(event, () => emphasize(name, strong));
    }
    box.addEventListener("focus", () => emphasize(name, true));
    box.addEventListener("blur", () => emphasize(name, false));
    app.querySelector(".arms").append(label);
    return box;
  });
  for (const button of app.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => {
      shown.clear();
      for (const box of boxes) {
        box.checked = button.dataset.choose === "all";
        if (box.checked) shown.add(box.name);
      }
      render();
    });
  }
  app.hidden = false;
  render();
}
