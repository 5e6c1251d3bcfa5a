"use strict";
// The front as an SVG: hover, keyboard, click-to-row. Everything that a person named goes in as text nodes.
const data = JSON.parse(document.getElementById("data").textContent);

(() => {
  const {chart} = data;
  const host = document.getElementById("chart");
  const select = document.getElementById("cost");
  const showsPruned = document.getElementById("pruned");
  const legend = document.getElementById("legend");
  const SVG = "http://www.w3.org/2000/svg";
  const LOG_RATIO = 3;            // as the printed figures: above it a cost's axis is logarithmic
  const DEEPEST = 0.8, LEAST_SPAN = 0.02;  // points far below the front stand at the lower edge
  const LONGEST = 34;             // letters of a label beside a point
  const PLACES = [[-9, -9, "end"], [9, -9, "start"], [9, 17, "start"], [-9, 17, "end"], [0, -14, "middle"], [0, 22, "middle"]];
  let off = new Set();            // table rows that the filter hides
  let focused = null;             // the point that Tab reaches

  const node = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const short = (value) => {
    for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (Math.abs(value) >= size) return Number((value / size).toPrecision(3)) + unit;
    return String(Number(value.toPrecision(3)));
  };

  const step = (span, count, factors) => {
    const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
    return power * factors.find((factor) => factor * power >= rough * 0.999);
  };

  // Layers are counted: there is no depth of 7.5.
  function linear(low, high, from, to, count, isCounted = false) {
    const factors = isCounted ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10], ticks = [];
    const by = Math.max(isCounted ? 1 : 0, step(high - low, count, factors));
    for (let at = Math.ceil(low / by - 1e-9); at * by <= high + by * 1e-9; at++) ticks.push(Number((at * by).toPrecision(12)));
    return {at: (value) => from + (value - low) / (high - low) * (to - from), ticks};
  }

  // As many as tell the ticks from each other exactly: 0.9325 is no 0.932.
  function decimals(ticks) {
    return Math.max(2, ...ticks.map((value) => (String(value).split(".")[1] || "").length));
  }

  function logarithmic(low, high, from, to) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const factor of [1, 2, 5]) {
        const value = factor * 10 ** power;
        if (value >= low && value <= high) ticks.push(value);
      }
    const position = (value) => from + Math.log(value / low) / Math.log(high / low) * (to - from);
    return {at: position, ticks};
  }

  function scales(points, cost, frontY, box) {
    const xs = points.map((point) => point.x[cost.name]);
    const [least, most] = [Math.min(...xs), Math.max(...xs)];
    const isLog = cost.name !== "depth" && least > 0 && most / least > LOG_RATIO;  // layers are counted, not scaled
    const pad = isLog ? (most / least) ** 0.06 : (most - least) * 0.07 || Math.abs(least) * 0.1 || 1;
    const x = isLog ? logarithmic(least / pad, most * pad, box.left, box.right)
                    : linear(least - pad, most + pad, box.left, box.right, box.right - box.left < 500 ? 4 : 7, cost.name === "depth");
    const floor = frontY.length ? Math.min(...frontY) - DEEPEST * Math.max(Math.max(...frontY) - Math.min(...frontY), LEAST_SPAN) : -Infinity;
    // Bars are drawn whole; what lies below the floor stands at the lower edge, under the lowest of them.
    const drawn = points.filter((point) => point.y >= floor);
    const lows = drawn.map((point) => point.low ?? point.y), highs = drawn.map((point) => point.high ?? point.y);
    const edge = Math.min(floor === -Infinity ? Infinity : floor, ...lows);
    const inside = (value) => value < floor ? edge : value;
    const top = Math.max(...highs), bottom = Math.min(...lows, ...points.map((point) => inside(point.y)));
    const margin = (top - bottom) * 0.09 || 0.02;
    const y = linear(bottom - margin, top + margin, box.bottom, box.top, 6);
    return {x, y, floor, inside};
  }

  function draw() {
    const keepFocus = host.contains(document.activeElement) && document.activeElement.dataset.point;
    host.replaceChildren();
    const cost = chart.costs.find((one) => one.name === select.value);
    const shown = cost ? chart.points.map((point, id) => ({...point, id}))
      .filter((point) => point.x[cost.name] !== null && (showsPruned.checked || !point.pruned)) : [];
    if (!shown.length) {
      host.append(Object.assign(document.createElement("p"), {className: "refusal", textContent: "There is no trial with an accuracy to draw yet."}));
      return;
    }
    const width = Math.max(280, host.clientWidth - 16), height = Math.round(Math.min(560, Math.max(320, width * 0.48)));
    const box = {left: 74, right: width - 12, top: 14, bottom: height - 46};
    const onFront = new Set(cost.fronts.flatMap((front) => front.points));
    const {x, y, floor, inside} = scales(shown, cost, [...onFront].map((id) => chart.points[id].y), box);
    const svg = node("svg", {viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${chart.yLabel} against ${cost.label}`});
    axes(svg, x, y, cost, box, width, height);
    for (const front of cost.fronts) line(svg, front, cost, x, y, inside);
    const order = [...shown].sort((a, b) => a.x[cost.name] - b.x[cost.name]);
    if (!order.some((point) => point.id === focused)) focused = (order.find((point) => onFront.has(point.id)) ?? order[0]).id;
    const marks = new Map();
    const rank = (point) => onFront.has(point.id) ? 2 : point.pruned ? 0 : 1;
    for (const point of [...shown].sort((a, b) => rank(a) - rank(b))) {
      const mark = drawPoint(point, cost, kindOf(point, onFront), x.at(point.x[cost.name]), y, floor, inside);
      marks.set(point.id, mark);
      svg.append(mark);
    }
    svg.addEventListener("keydown", (event) => walk(event, order, marks));
    host.append(svg);
    names(svg, order.filter((point) => onFront.has(point.id)), cost, x, y, box);
    explain(shown, cost, onFront, floor);
    if (keepFocus) marks.get(Number(keepFocus))?.focus();
    dim();
  }

  function axes(svg, x, y, cost, box, width, height) {
    for (const value of y.ticks) {
      const at = y.at(value);
      svg.append(node("line", {class: "grid", x1: box.left, x2: box.right, y1: at, y2: at}));
      svg.append(node("g", {class: "tick"}, node("text", {x: box.left - 8, y: at + 4, "text-anchor": "end"}, value.toFixed(decimals(y.ticks)))));
    }
    let last = -Infinity;
    for (const value of x.ticks) {
      const at = x.at(value);
      svg.append(node("line", {class: "grid", x1: at, x2: at, y1: box.top, y2: box.bottom}));
      if (at - last < 40) continue;
      last = at;
      svg.append(node("g", {class: "tick"}, node("text", {x: at, y: box.bottom + 17, "text-anchor": "middle"}, short(value))));
    }
    svg.append(node("line", {class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom}));
    svg.append(node("line", {class: "axis", x1: box.left, x2: box.left, y1: box.top, y2: box.bottom}));
    svg.append(node("text", {x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle"}, cost.label));
    svg.append(node("text", {transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle"}, chart.yLabel));
  }

  function line(svg, front, cost, x, y, inside) {
    const corners = front.points.map((id) => [x.at(chart.points[id].x[cost.name]), y.at(inside(chart.points[id].y))]);
    if (!corners.length) return;
    const path = corners.slice(1).map(([across, up]) => cost.isMaximised ? `L${across} ${up}` : `H${across}V${up}`).join("");
    svg.append(node("path", {class: "line", d: `M${corners[0].join(" ")}${path}`}));
  }

  function drawPoint(point, cost, kind, across, y, floor, inside) {
    const isBelow = point.y < floor, up = y.at(inside(point.y));
    const group = node("g", {
      class: `point ${kind}`, tabindex: point.id === focused ? 0 : -1, role: "button", "data-point": point.id,
      "aria-label": `${point.name}, ${standing(kind, cost)}${chart.y} ${point.y.toFixed(4)}, ${cost.name} ${short(point.x[cost.name])}`,
    });
    if (point.low !== null && !isBelow)
      group.append(node("line", {class: "bar", x1: across, x2: across, y1: y.at(point.low), y2: y.at(point.high)}));
    group.append(node("circle", {class: "hit", cx: across, cy: up, r: 13}), shape(kind, isBelow, across, up));
    const show = () => tip(point, cost, kind, across, up);
    group.addEventListener("mouseenter", show);
    group.addEventListener("focus", show);
    group.addEventListener("mouseleave", hideTip);
    group.addEventListener("blur", hideTip);
    group.addEventListener("click", () => window.showRows(point.rows));
    return group;
  }

  const kindOf = (point, onFront) => onFront.has(point.id) ? "front" : point.pruned ? "pruned" : "dominated";
  const standing = (kind, cost) => cost.fronts.length || kind === "pruned" ? `${kind}, ` : "";

  function shape(kind, isBelow, x, y) {
    if (isBelow) return node("path", {class: "mark", d: `M${x - 4.5} ${y - 4}h9l-4.5 8z`});
    if (kind === "dominated") return node("rect", {class: "mark", x: x - 4, y: y - 4, width: 8, height: 8});
    return node("circle", {class: "mark", cx: x, cy: y, r: kind === "front" ? 6 : 4.2});
  }

  // Beside a point of the front, where the label covers no mark and no other label, and no line if that can be.
  function names(svg, front, cost, x, y, frame) {
    const marks = [...svg.querySelectorAll(".mark")].map((one) => one.getBBox());
    const lines = [...svg.querySelectorAll(".bar")].map((one) => one.getBBox());
    for (const {points} of cost.fronts)   // the steps of each front's line
      if (!cost.isMaximised) points.slice(1).forEach((id, at) => {
        const [one, other] = [chart.points[points[at]], chart.points[id]];
        const [left, right] = [x.at(one.x[cost.name]), x.at(other.x[cost.name])];
        const [low, high] = [y.at(one.y), y.at(other.y)];
        lines.push({x: left, y: low - 1, width: right - left, height: 2}, {x: right - 1, y: high, width: 2, height: low - high});
      });
    for (const point of [...front].reverse()) {   // the most accurate come first
      const text = point.label.length > LONGEST ? `${point.label.slice(0, LONGEST - 1)}…` : point.label;
      const label = node("text", {class: "name"}, text);
      svg.append(label);
      const fits = (taken) => PLACES.some(([dx, dy, anchor]) => {
        label.setAttribute("x", x.at(point.x[cost.name]) + dx);
        label.setAttribute("y", y.at(point.y) + dy);
        label.setAttribute("text-anchor", anchor);
        const room = label.getBBox();
        const isInside = room.x >= frame.left && room.x + room.width <= frame.right && room.y >= frame.top - 10 && room.y + room.height <= frame.bottom;
        return isInside && !taken.some((other) => overlaps(room, other));
      });
      if (text && (fits([...marks, ...lines]) || fits(marks))) marks.push(label.getBBox());
      else label.remove();
    }
  }

  const overlaps = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  // The signs that are in the picture, each as it is drawn there.
  function explain(shown, cost, onFront, floor) {
    legend.replaceChildren();
    const kinds = cost.fronts.length ? ["front", "dominated", "pruned"] : ["dominated", "pruned"];
    for (const kind of kinds)
      for (const isBelow of [false, true]) {
        if (!shown.some((point) => kindOf(point, onFront) === kind && point.y < floor === isBelow)) continue;
        const mark = shape(kind, isBelow, 7, 7);
        mark.setAttribute("class", kind);
        const entry = document.createElement("span");
        const name = kind === "dominated" && !cost.fronts.length ? "trained to the end" : kind;
        entry.append(node("svg", {viewBox: "0 0 14 14"}, mark), isBelow ? `${name}, below ${floor.toFixed(2)}` : name);
        legend.append(entry);
      }
  }

  function walk(event, order, marks) {
    const move = {ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, ArrowUp: 1}[event.key];
    const at = order.findIndex((point) => point.id === focused);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      window.showRows(order[at].rows);
    } else if (move) {
      event.preventDefault();
      marks.get(focused).setAttribute("tabindex", -1);
      focused = order[Math.min(order.length - 1, Math.max(0, at + move))].id;
      marks.get(focused).setAttribute("tabindex", 0);
      marks.get(focused).focus();
    }
  }

  function tip(point, cost, kind, across, up) {
    hideTip();
    const box = Object.assign(document.createElement("div"), {className: "tip"});
    box.append(Object.assign(document.createElement("b"), {textContent: point.name}));
    const interval = point.low === null ? "" : ` (95 %: ${point.low.toFixed(3)}–${point.high.toFixed(3)})`;
    const lines = [
      `${chart.y} ${point.y.toFixed(4)}${interval}`, `${cost.name} ${short(point.x[cost.name])}`,
      standing(kind, cost) + (point.seeds > 1 ? `${point.seeds} seeds` : `trial ${point.trial}`),
    ];
    for (const text of lines) box.append(Object.assign(document.createElement("div"), {textContent: text}));
    host.append(box);
    const left = Math.min(Math.max(6, across - box.offsetWidth / 2 + 8), host.clientWidth - box.offsetWidth - 6);
    box.style.left = `${left}px`;
    const above = up - box.offsetHeight - 10;
    box.style.top = `${above > 0 ? above : up + 26}px`;
  }

  function hideTip() { host.querySelector(".tip")?.remove(); }

  function dim() {
    for (const mark of host.querySelectorAll(".point"))
      mark.classList.toggle("off", chart.points[mark.dataset.point].rows.every((row) => off.has(row)));
  }

  window.dimPoints = (rows) => { off = rows; dim(); };
  window.lightPoints = (row) => {
    for (const mark of host.querySelectorAll(".point"))
      mark.classList.toggle("lit", row !== null && chart.points[mark.dataset.point].rows.includes(row));
  };

  for (const cost of chart.costs) select.append(new Option(cost.label, cost.name));
  showsPruned.closest("label").hidden = !chart.points.some((point) => point.pruned);
  select.addEventListener("change", draw);
  showsPruned.addEventListener("change", draw);
  let width = 0;
  new ResizeObserver(() => { if (host.clientWidth !== width) { width = host.clientWidth; draw(); } }).observe(host);
})();
