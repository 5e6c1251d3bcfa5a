// Follows one sweep: asks for its state every two seconds, and loads the report anew when another was drawn.
"use strict";
(() => {
  const PAUSE_MS = 2000, PATIENCE_MS = 15000;
  const byId = id => document.getElementById(id);
  let frame = null, shown = null, coming = null, curves = null;

  function write(id, text) {
    if (byId(id).textContent !== text) byId(id).textContent = text;
  }

  function duration(seconds) {
    const whole = Math.floor(seconds), two = number => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : minutes) + ":" + two(whole % 60);
  }

  function show(state) {
    const amount = state.total === null ? `${state.done} done` : `${state.done} of ${state.total} done`;
    document.title = `${state.total ? `${state.done}/${state.total} ` : ""}${state.name} · vggsweep`;
    write("name", state.name);
    byId("phase").hidden = false;
    byId("phase").className = `pill ${state.phase}`;
    write("phase", state.phase);
    write("amount", state.counts ? amount : "");
    write("left", state.left);
    byId("bar").hidden = !state.total;
    byId("bar").max = state.total || 1;
    byId("bar").value = state.done;
    write("message", state.message);
    write("counts", state.counts);
    write("best", state.best && `best${state.phase === "done" ? "" : " so far"}: ${state.best}`);
    byId("optuna").hidden = !state.has_optuna;
    showRunning(state.running);
    byId("notes").hidden = !state.notes.length;
    write("notes-title", state.notes.length === 1 ? "1 note" : `${state.notes.length} notes`);
    write("notes-first", state.notes.length ? `: ${state.notes[0]}` : "");
    if (byId("notes-list").textContent !== state.notes.join(""))
      byId("notes-list").replaceChildren(...state.notes.map(text => element("li", text)));
    if (state.report !== null && state.report !== shown) load(state.report);
  }

  function element(name, text, className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function showRunning(trials) {
    const owned = trials.filter(trial => trial.is_owned).length;
    const others = trials.length - owned;
    byId("running").hidden = !trials.length;
    write("running-title", [owned && `${owned} training`, others && `${others} without a worker`].filter(Boolean).join(", "));
    const all = trials.flatMap(trial => trial.curve);
    const low = Math.min(...all), high = Math.max(...all);
    byId("trials").replaceChildren(...trials.map(trial => {
      const row = element("tr", "", trial.is_owned ? "" : "silent");
      const curve = element("td", "");
      if (trial.curve.length) curve.append(sparkline(trial.curve, low, high));
      row.append(
        element("td", trial.trial, "n"), element("td", trial.epoch, "n"),
        element("td", trial.val_acc === null ? "" : trial.val_acc.toFixed(4), "n"), curve,
        element("td", trial.seconds === null ? "" : duration(trial.seconds), "n"),
        element("td", trial.worker), element("td", trial.device), element("td", trial.parameters));
      return row;
    }));
  }

  // val_acc by epoch; all trials share one scale
  function sparkline(curve, low, high) {
    const make = (name, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      return made;
    };
    const y = value => (high > low ? 18 - 16 * (value - low) / (high - low) : 10).toFixed(1);
    const x = at => (curve.length > 1 ? 94 * at / (curve.length - 1) : 94).toFixed(1);
    const picture = make("svg", { viewBox: "0 0 96 20", class: "spark", "aria-hidden": "true" });
    picture.append(
      make("polyline", { points: curve.map((value, at) => `${x(at)},${y(value)}`).join(" ") }),
      make("circle", { cx: x(curve.length - 1), cy: y(curve.at(-1)), r: 2 }));
    return picture;
  }

  // The new report loads behind the old one, and takes its place as a reader left it.
  function load(stamp) {
    if (coming !== null || frame?.contentDocument?.querySelector("dialog[open]")) return;
    coming = element("iframe", "", "coming");
    coming.title = "report";
    coming.src = `report?${stamp}`;
    coming.addEventListener("load", () => {
      const next = coming;
      coming = null;
      if (!next.contentDocument?.getElementById("front")) return next.remove(); // an error page: tried again
      if (frame) carryOver(frame.contentDocument, next.contentDocument);
      // two frames: the chart draws when it first learns its width
      requestAnimationFrame(() => requestAnimationFrame(() => {
        if (frame) {
          next.contentWindow.scrollTo({ top: frame.contentWindow.scrollY, behavior: "instant" });
          frame.remove();
        }
        byId("nothing").hidden = true;
        next.className = "";
        [frame, shown, curves] = [next, stamp, null];
      }));
    });
    byId("report").append(coming);
  }

  // The report's figure of learning curves gives way to one that has those of running trials too.
  async function showCurves(stamp) {
    const page = frame?.contentDocument, place = page?.querySelector("#figure-learning-curves .drawing");
    if (!place) return;
    const answer = await fetch(`curves?${stamp}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return; // tried again
    // the frame's own parser: its page may have styles within, this one not
    const drawing = new frame.contentWindow.DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(page.adoptNode(drawing.querySelector("svg")));
    curves = stamp;
  }

  function carryOver(from, to) {
    for (const field of from.querySelectorAll("select[id], input[id]")) {
      const same = to.getElementById(field.id);
      if (!same || (same.value === field.value && same.checked === field.checked)) continue;
      const value = field.value;
      if (same.tagName === "SELECT" && ![...same.options].some(option => option.value === value)) continue;
      same.value = value;
      same.checked = field.checked;
      for (const name of ["input", "change"]) same.dispatchEvent(new Event(name));
    }
    const sorted = from.querySelector("#table th[aria-sort]");
    const button = sorted && to.querySelector(`#table th[data-name="${CSS.escape(sorted.dataset.name)}"] button`);
    for (let at = 0; button && at < 2 && button.parentElement.ariaSort !== sorted.ariaSort; at++) button.click();
    from.querySelectorAll("details").forEach((details, at) => {
      const same = to.querySelectorAll("details")[at];
      if (same) same.open = details.open;
    });
  }

  async function follow() {
    try {
      if (!document.hidden) {
        const answer = await fetch("state", { signal: AbortSignal.timeout(PATIENCE_MS) });
        if (!answer.ok) throw new Error(answer.statusText);
        const state = await answer.json();
        show(state);
        if (state.curves !== null && state.curves !== curves) await showCurves(state.curves);
      }
    } catch (error) {
      byId("phase").hidden = false;
      byId("phase").className = "pill away";
      write("phase", "away");
      write("message", "vggsweep dashboard does not answer; the page goes on when it does.");
    }
    setTimeout(follow, PAUSE_MS);
  }

  follow();
})();
