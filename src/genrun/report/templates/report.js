"use strict";
document.documentElement.classList.add("js");

const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const styleOf = (line) => (line.style === null ? "s-grey" : `s${line.style}`);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* Values under the pointer, and under a cursor that the arrow keys move. */
class Cursor {
  constructor(plot) {
    this.data = JSON.parse(plot.querySelector("script").textContent);
    this.points = this.data.lines.flatMap((line) => line.points.map((point) => ({ line, point })));
    this.points = this.points.filter(({ point }) => point[0] >= -0.001 && point[0] <= 1.001);
    if (!this.points.length) return;
    this.points.sort((a, b) => a.point[0] - b.point[0] || a.point[1] - b.point[1]);
    this.stops = this.data.nearest ? this.points : this.merged();
    this.at = -1;
    this.layer = make("div", "cursor");
    this.rule = make("div", "rule");
    this.tip = make("div", "tip");
    this.layer.append(this.rule, this.tip);
    const name = plot.querySelector(".canvas").getAttribute("aria-label");
    const attributes = {
      role: "slider", tabindex: "0", "aria-label": `${name}: values, by arrow keys`,
      "aria-valuemin": "1", "aria-valuemax": String(this.stops.length), "aria-valuenow": "1",
      "aria-valuetext": "use the arrow keys to read values",
    };
    for (const [key, value] of Object.entries(attributes)) this.layer.setAttribute(key, value);
    plot.querySelector(".frame").append(this.layer);
    this.hide();
    this.layer.addEventListener("pointermove", (event) => this.follow(event));
    this.layer.addEventListener("pointerdown", (event) => this.follow(event));
    this.layer.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.hide());
    this.layer.addEventListener("blur", () => this.hide());
    this.layer.addEventListener("keydown", (event) => this.key(event));
  }

  /* Places along x that are a hundredth apart or more. */
  merged() {
    const stops = [];
    for (const one of this.points) {
      if (!stops.length || one.point[0] - stops[stops.length - 1].point[0] > 0.008) stops.push(one);
    }
    return stops;
  }

  follow(event) {
    const box = this.layer.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    const far = ({ point }) =>
      this.data.nearest
        ? Math.hypot((point[0] - x) * box.width, (point[1] - y) * box.height)
        : Math.abs(point[0] - x);
    let best = 0;
    this.stops.forEach((stop, index) => { if (far(stop) < far(this.stops[best])) best = index; });
    this.show(best);
  }

  key(event) {
    const last = this.stops.length - 1;
    const to = {
      ArrowRight: this.at + 1, ArrowUp: this.at + 1,
      ArrowLeft: this.at - 1, ArrowDown: this.at - 1,
      PageUp: this.at + 10, PageDown: this.at - 10, Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") this.hide();
    if (to === undefined) return;
    event.preventDefault();
    this.show(clamp(to, 0, last));
  }

  hide() {
    this.tip.hidden = this.rule.hidden = true;
    for (const spot of this.layer.querySelectorAll(".spot")) spot.remove();
  }

  show(index) {
    this.hide();
    this.at = index;
    const stop = this.stops[index];
    const shown = this.data.nearest ? [stop] : this.pointsAt(stop.point[0]);
    this.tip.replaceChildren(make("b", "", stop.point[2]));
    const texts = [stop.point[2]];
    for (const { line, point } of shown) {
      const spot = make("div", `spot ${styleOf(line)}`);
      spot.style.left = `${100 * point[0]}%`;
      spot.style.top = `${100 * clamp(point[1], 0, 1)}%`;
      this.layer.append(spot);
      const row = make("p");
      if (!this.data.nearest) {
        row.append(make("span", styleOf(line), line.name));
        texts.push(line.name);
      }
      row.append(make("span", "", point[3]));
      if (point[2] !== stop.point[2]) row.append(make("i", "", `at ${point[2]}`));
      texts.push(point[3]);
      this.tip.append(row);
    }
    this.rule.style.left = `${100 * stop.point[0]}%`;
    this.tip.hidden = this.rule.hidden = false;
    this.place(stop.point[0]);
    this.layer.setAttribute("aria-valuenow", String(index + 1));
    this.layer.setAttribute("aria-valuetext", texts.join(", "));
  }

  /* Of each line the point that is nearest to a place along x. */
  pointsAt(x) {
    const nearest = (points) =>
      points.reduce((best, one) => (Math.abs(one[0] - x) < Math.abs(best[0] - x) ? one : best));
    return this.data.lines
      .filter((line) => line.points.length)
      .map((line) => ({ line, point: nearest(line.points) }))
      .sort((a, b) => a.point[1] - b.point[1]);
  }

  /* Beside the cursor, on the side that has room, within the window. */
  place(x) {
    const box = this.layer.getBoundingClientRect();
    const width = this.tip.offsetWidth;
    const wanted = x < 0.5 ? x * box.width + 14 : x * box.width - width - 14;
    const room = document.documentElement.clientWidth - 6;
    this.tip.style.left = `${clamp(wanted, 6 - box.left, room - box.left - width)}px`;
  }
}
for (const plot of document.querySelectorAll(".plot")) new Cursor(plot);

/* Samples at one stage of training. */
for (const gallery of document.querySelectorAll(".samples")) {
  const input = gallery.querySelector("input[type=range]");
  const stages = input ? input.dataset.stages.split(",").map(Number) : [0];
  const show = () => {
    const stage = input ? Number(input.value) : 0;
    for (const shots of gallery.querySelectorAll(".shots")) {
      const until = [...shots.children].filter((shot) => Number(shot.dataset.from) <= stage);
      for (const shot of shots.children) shot.classList.toggle("seen", shot === until[until.length - 1]);
    }
    if (!input) return;
    const text = `step ${stages[stage].toLocaleString("en")}`;
    gallery.querySelector("output").textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  if (input) input.addEventListener("input", show);
  show();
}

/* Tables that a button in each heading sorts. */
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.querySelectorAll("thead th")];
  headings.forEach((heading, column) => {
    const button = make("button", "", heading.textContent);
    button.type = "button";
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => {
        const cell = row.cells[column];
        return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
      };
      const order = (a, b) =>
        typeof a === "number" && typeof b === "number"
          ? (a < b ? -1 : a > b ? 1 : 0)
          : String(a).localeCompare(String(b), "en", { numeric: true });
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * order(value(a), value(b)));
      body.append(...rows);
    });
  });
}
