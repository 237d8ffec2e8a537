// Bars over a time axis, as flows/show/gantt.py and timeline.py describe them. Elements are kept by id and patched in place.
const NS = "http://www.w3.org/2000/svg";
const ROW = 30, LANE = 16, AXIS = 34;
const views = new WeakMap();
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

function make(tag, attributes = {}, parent = null) {
  const element = document.createElementNS(NS, tag);
  put(element, attributes);
  if (parent) parent.appendChild(element);
  return element;
}
function put(element, attributes) {
  for (const name in attributes) {
    const value = String(attributes[name]);
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const pen = document.createElement("canvas").getContext("2d");
function wide(view, text, size, weight = 400) {
  pen.font = `${weight} ${size}px ${view.family}`;
  return pen.measureText(text).width;
}
function cut(view, text, room, size, weight) {
  if (wide(view, text, size, weight) <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (wide(view, text.slice(0, middle) + "…", size, weight) <= room) low = middle; else high = middle - 1;
  }
  return text.slice(0, low).trimEnd() + "…";
}

function lasted(length) {
  if (length < 9.95) return length.toFixed(1) + " s";
  const whole = Math.floor(length + 0.5);
  if (whole < 60) return whole + " s";
  if (whole < 3600) return Math.floor(whole / 60) + " min" + (whole % 60 ? " " + (whole % 60) + " s" : "");
  return Math.floor(whole / 3600) + " h" + (Math.floor((whole % 3600) / 60) ? " " + Math.floor((whole % 3600) / 60) + " min" : "");
}

function rowParts(view, row) {
  const group = make("g", {}, null), byRow = view.data.pick === "row";
  if (byRow) put(group, { role: "button", tabindex: "0" });
  group.dataset.id = row.id;
  return { group, title: make("title", {}, group), band: make("rect", { class: "band", rx: 6 }, group), sign: make("g", {}, group),
    label: make("text", { class: "label" }, group), bars: make("g", {}, group), note: make("text", { class: "note" }, group), kept: new Map(),
    icon: "" };
}

function barParts(view, bar, parent) {
  const group = make("g", {}, parent);
  if (view.data.pick === "bar") {
    put(group, { role: "button", tabindex: "0" });
    group.dataset.id = bar.id;
    make("title", {}, group);
  }
  return { group, rect: make("rect", { rx: 4 }, group), frame: make("rect", { class: "frame", rx: 6 }, group) };
}

function plan(view) {
  const width = Math.max(240, view.chart.clientWidth);
  // no room beside each other: label and text stand above the bar
  if (width < 520 && view.data.pick === "row") return { width, room: width * 0.5, left: 28, right: width - 10, narrow: true };
  const widest = Math.max(60, ...view.data.rows.map((row) => wide(view, row.label, 12.5, 600)));
  const room = Math.min(widest, width * 0.34, 220) + (view.data.pick === "row" ? 26 : 6);
  const notes = 16 + Math.max(0, ...view.data.rows.filter((row) => row.bars.length)
    .map((row) => wide(view, [row.text || row.word + " · 00.0 s", row.tries].filter(Boolean).join(" · "), 12)));
  return { width, room, left: room + 12, right: width - (view.data.pick === "row" ? Math.max(34, Math.min(notes, width * 0.28)) : 14) };
}

function draw(view) {
  if (!view.chart.clientWidth) return;
  const { data } = view, at = (view.at = plan(view));
  const now = data.now + (data.rows.some((row) => row.live) && data.pick === "row" ? (performance.now() - view.since) / 1000 : 0);
  const end = data.pick === "row" ? Math.max(data.end, now) : data.end; // nothing runs off the axis before the next look
  const scale = (at.right - at.left) / end;
  const x = (time) => Math.round((at.left + Math.min(time, end) * scale) * 10) / 10;
  let y = 0;
  for (const row of data.rows) {
    const parts = view.rows.get(row.id), high = at.narrow ? (row.bars.length ? 46 : 30) : Math.max(ROW, row.lanes * LANE + 12);
    const middle = at.narrow ? y + 15 : y + high / 2;
    const chosen = data.pick === "row" && view.chosen === row.id;
    put(parts.group, data.pick === "row" ? { class: "pickrow" + (chosen ? " chosen" : ""), "aria-label": row.aria, "aria-pressed": String(chosen) } : {});
    say(parts.title, row.aria);
    put(parts.band, { x: 1, y: y + 1, width: at.width - 2, height: high - 2 });
    if (parts.icon !== row.icon) {
      parts.sign.replaceChildren();
      if (row.icon) make("path", { d: ICONS[row.icon] }, make("g", { class: "turns" }, parts.sign));
      parts.icon = row.icon;
    }
    put(parts.sign, { class: `icon c-${row.colour}${row.live ? " spins" : ""}`, transform: `translate(6 ${middle - 7.5}) scale(.625)` });
    const inset = data.pick === "row" ? 28 : 4;
    put(parts.label, { x: inset, y: middle + 4.5 });
    say(parts.label, cut(view, row.label, at.room - inset + 4, 12.5, 600));
    let right = at.left, begin = at.left;
    const ids = new Set(row.bars.map((bar) => bar.id));
    for (const [id, old] of parts.kept) if (!ids.has(id)) { old.group.remove(); parts.kept.delete(id); }
    for (const bar of row.bars) {
      if (!parts.kept.has(bar.id)) parts.kept.set(bar.id, barParts(view, bar, parts.bars));
      const { group, rect, frame } = parts.kept.get(bar.id);
      const stop = bar.live && data.pick === "row" ? Math.max(bar.stop, now) : bar.stop;
      const high2 = at.narrow ? 11 : data.pick === "row" ? 16 : LANE - 3;
      const top = at.narrow ? y + 28 : middle - (row.lanes * (high2 + 3) - 3) / 2 + bar.lane * (high2 + 3);
      begin = x(bar.start);
      const width = Math.max(4, x(stop) - begin);
      put(rect, { x: begin, y: top, width, height: high2, class: `bar c-${bar.colour}${bar.live ? " live" : ""}` });
      put(frame, { x: begin - 2, y: top - 2, width: width + 4, height: high2 + 4 });
      if (data.pick === "bar") {
        put(group, { class: "pickbar" + (view.chosen === bar.id ? " chosen" : ""), "aria-label": bar.aria, "aria-pressed": String(view.chosen === bar.id) });
        say(group.firstChild, bar.title);
      }
      right = begin + width;
      if (bar.live && data.pick === "row" && !row.text) parts.live = row.word + " · " + lasted(Math.max(0, stop - bar.start));
    }
    const text = [row.text || parts.live || "", row.progress, row.tries].filter(Boolean).join(" · ");
    const need = wide(view, text, 12), fits = right + 8 + need <= at.width - 4;
    put(parts.note, { x: at.narrow ? at.width - 8 - need : fits || begin - 8 - need < at.left ? Math.min(right + 8, at.width - 4 - need) : begin - 8 - need, y: middle + 4.5 });
    say(parts.note, text);
    y += high;
  }
  view.high = y;
  put(view.svg, { height: y, viewBox: `0 0 ${at.width} ${y}`, "aria-label": data.told });
  axis(view, x, at, y, end);
}

function axis(view, x, at, high, end) {
  const { data } = view;
  const look = JSON.stringify([data.ticks, data.unit, at, high, end]);
  if (view.axisLook === look) return;
  view.axisLook = look;
  view.grid.replaceChildren();
  view.axis.replaceChildren();
  put(view.axis, { height: AXIS, viewBox: `0 0 ${at.width} ${AXIS}` });
  let last = -Infinity;
  for (const tick of data.ticks) {
    const where = x(tick.at), half = wide(view, tick.text, 11) / 2;
    make("line", { class: "grid", x1: where, x2: where, y1: 0, y2: high }, view.grid);
    if (where - half < last + 8 || where + half > at.width) continue;
    make("text", { class: "tick", x: where, y: 14 }, view.axis).textContent = tick.text;
    last = where + half;
  }
  make("text", { class: "unit", x: at.left, y: 30 }, view.axis).textContent = data.unit;
}

function sync(view) {
  const ids = new Set(view.data.rows.map((row) => row.id));
  for (const [id, parts] of view.rows) if (!ids.has(id)) { parts.group.remove(); view.rows.delete(id); }
  let before = view.body.firstChild;
  for (const row of view.data.rows) {
    if (!view.rows.has(row.id)) view.rows.set(row.id, rowParts(view, row));
    const { group } = view.rows.get(row.id);
    view.rows.get(row.id).live = "";
    if (group === before) before = before.nextSibling;
    else view.body.insertBefore(group, before);
  }
  draw(view);
  const live = view.data.pick === "row" && view.data.rows.some((row) => row.live);
  if (live && !view.timer) view.timer = setInterval(() => draw(view), still.matches ? 1000 : 200);
  if (!live && view.timer) { clearInterval(view.timer); view.timer = 0; }
}

function choose(view, id) {
  view.chosen = view.chosen === id ? null : id;
  view.n += 1;
  draw(view);
  view.send("pick", { id: view.chosen, n: view.n });
}

function open(parent) {
  const find = (name) => parent.querySelector(name);
  const svg = find(".rows");
  const view = { svg, chart: find(".chart"), scroll: find(".scroll"), axis: find(".axis"), rows: new Map(), n: 0, chosen: null, timer: 0, data: null };
  view.grid = make("g", { "aria-hidden": "true" }, svg);
  view.body = make("g", {}, svg);
  const idAt = (event) => { const found = event.target.closest("[data-id][role=button]"); return found ? found.dataset.id : null; };
  svg.onclick = (event) => { const id = idAt(event); if (id) choose(view, id); };
  svg.onkeydown = (event) => {
    const id = idAt(event);
    if (!id || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...svg.querySelectorAll("[role=button]")], place = all.indexOf(event.target.closest("[role=button]"));
    const next = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(view, id);
    else if (next && all[place + next]) all[place + next].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  view.watch = new ResizeObserver(() => { if (view.data) draw(view); });
  view.watch.observe(view.chart);
  document.fonts.ready.then(() => { if (view.data) { view.axisLook = ""; draw(view); } });
  return view;
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  if (!views.has(parentElement)) views.set(parentElement, open(parentElement));
  const view = views.get(parentElement);
  view.send = setStateValue;
  const before = JSON.stringify(view.data);
  if (before !== JSON.stringify(data)) view.since = performance.now();
  view.data = data;
  view.family = getComputedStyle(view.chart).fontFamily || "sans-serif";
  if (data.n >= view.n) { view.n = data.n; view.chosen = data.selected; }
  sync(view);
  return () => { view.watch.disconnect(); clearInterval(view.timer); views.delete(parentElement); };
}
