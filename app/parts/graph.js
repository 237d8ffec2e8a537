// Draws what flows/show/scene.py describes. Runs again on each change of the data: elements are kept by id and patched in place.
const NS = "http://www.w3.org/2000/svg";
const LEAST = 0.85, MOST = 1.15; // text of 11.8 px stays above 10 px
const views = new WeakMap();

function make(tag, attributes = {}, parent = null) {
  const element = document.createElementNS(NS, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (parent) parent.appendChild(element);
  return element;
}

function put(element, attributes) {
  for (const name in attributes) {
    const value = String(attributes[name]);
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

function icon(name, x, y, size, parent, extra = "") {
  const group = make("g", { class: "icon " + extra, transform: `translate(${x} ${y}) scale(${size / 24})` }, parent);
  make("path", { d: ICONS[name] || ICONS.help, class: "shape" }, make("g", { class: "turns" }, group));
  return group;
}

// texts are cut by measuring them; widths change when the font arrives
const pen = document.createElement("canvas").getContext("2d");
function cut(view, text, room, font) {
  pen.font = font.replace("FAMILY", view.family);
  if (pen.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(text.slice(0, middle) + "…").width <= room) low = middle; else high = middle - 1;
  }
  return text.slice(0, low).trimEnd() + "…";
}
function wide(view, text, font) {
  pen.font = font.replace("FAMILY", view.family);
  return pen.measureText(text).width;
}
const NAME = "600 13px FAMILY", SMALL = "400 11.8px FAMILY", WORD = "600 11.8px FAMILY";

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function drawNode(view, node) {
  const group = make("g", { role: "button", tabindex: "0" });
  group.dataset.id = node.id;
  const parts = { group, look: "" };
  parts.title = make("title", {}, group);
  parts.halo = make("rect", { class: "halo", rx: 11 }, group);
  parts.ring = make("rect", { class: "ring", rx: 13 }, group);
  if (node.folded) {
    make("rect", { class: "under", x: 8, y: 8, width: node.w - 8, height: node.h - 2, rx: 10 }, group);
    make("rect", { class: "under", x: 4, y: 4, width: node.w - 4, height: node.h - 1, rx: 10 }, group);
  }
  parts.card = make("rect", { class: "card", rx: 10 }, group);
  make("rect", { class: "tile", x: 11, y: 11, width: 32, height: 32, rx: 8 }, group);
  parts.sort = make("g", { class: "sort" }, group);
  parts.name = make("text", { class: "name", x: 53, y: 24 }, group);
  parts.sub = make("text", { class: "sub", x: 53, y: 41 }, group);
  parts.took = make("text", { class: "note", y: 41 }, group);
  parts.state = make("g", { class: "state" }, group);
  parts.flags = make("g", {}, group);
  return parts;
}

function patchNode(view, parts, node) {
  put(parts.group, { transform: `translate(${node.x} ${node.y})`, "aria-label": node.aria });
  if (node.folded) put(parts.group, { "aria-expanded": "false" });
  say(parts.title, node.title);
  const look = JSON.stringify([node, view.fonts]);
  if (parts.look === look) return;
  parts.look = look;
  const state = node.state;
  for (const [rect, by] of [[parts.card, 0], [parts.halo, 1], [parts.ring, 4]])
    put(rect, { x: -by, y: -by, width: node.w + 2 * by, height: node.h + 2 * by });
  if (parts.icon !== node.icon) {
    parts.sort.replaceChildren();
    icon(node.icon, 18, 18, 18, parts.sort);
    parts.icon = node.icon;
  }
  say(parts.name, cut(view, node.label, node.w - 63, NAME));
  const took = state ? state.took : "";
  put(parts.took, { x: node.w - 12 });
  say(parts.took, took);
  const room = node.w - 63 - (took ? wide(view, took, SMALL) + 8 : 0); // where a kind does not fit, its last word does
  say(parts.sub, cut(view, wide(view, node.sub, SMALL) > room && !node.folded ? node.sub.split(".").pop() : node.sub, room, SMALL));
  if (parts.sign !== (state ? state.icon : "")) {
    parts.sign = state ? state.icon : "";
    parts.state.replaceChildren();
    if (state) {
      icon(state.icon, 12, node.h - 23, 15, parts.state, state.live ? "spins" : "");
      parts.word = make("text", { class: "word", x: 32, y: node.h - 11 }, parts.state);
      parts.note = make("text", { class: "note", x: node.w - 12, y: node.h - 11 }, parts.state);
    }
  }
  if (state) {
    say(parts.word, state.word);
    say(parts.note, cut(view, state.note, node.w - 52 - wide(view, state.word, WORD), SMALL));
  }
  parts.flags.replaceChildren();
  let right = node.w - 10;
  for (const flag of state ? state.flags : node.draft ? [{ text: "not complete", colour: "orange" }] : []) {
    const width = wide(view, flag.text, WORD) + 14;
    const pill = make("g", { class: "flag f-" + flag.colour, transform: `translate(${right - width} -9)` }, parts.flags);
    make("rect", { width, height: 18, rx: 9 }, pill);
    make("text", { x: 7, y: 13 }, pill).textContent = flag.text;
    right -= width + 4;
  }
}

function classOf(view, node) {
  const state = node.state, chosen = view.chosen;
  const names = ["node", "k-" + node.kind];
  if (state) names.push("s-" + state.colour);
  if (state && state.live) names.push("live");
  if (node.draft) names.push("draft");
  if (node.folded) names.push("folded");
  if (view.kin && !view.kin.has(node.id)) names.push("off");
  if (chosen && node.id === view.holder) names.push("chosen");
  return names.join(" ");
}

// the chosen step with everything above and below it
function kin(view) {
  const holder = view.data.nodes.find((node) => view.chosen && node.steps.includes(view.chosen));
  view.holder = holder ? holder.id : null;
  if (!holder) return null;
  const found = new Set([holder.id]);
  for (const [from, to] of [["a", "b"], ["b", "a"]]) {
    const open = [holder.id], seen = new Set(open);
    while (open.length) {
      const id = open.pop();
      for (const edge of view.data.edges)
        if (edge[from] === id && !seen.has(edge[to])) { seen.add(edge[to]); found.add(edge[to]); open.push(edge[to]); }
    }
  }
  return found;
}

function paint(view) {
  view.kin = kin(view);
  for (const node of view.data.nodes) {
    const { group } = view.nodes.get(node.id);
    put(group, { class: classOf(view, node), "aria-pressed": String(node.id === view.holder) });
  }
  const live = new Set(view.data.nodes.filter((node) => node.state && node.state.live).map((node) => node.id));
  for (const edge of view.data.edges) {
    const { line, tip } = view.edges.get(edge.a + " " + edge.b);
    const inside = view.kin && view.kin.has(edge.a) && view.kin.has(edge.b);
    const more = inside ? " on" : view.kin ? " off" : "";
    put(line, { class: "edge" + more + (live.has(edge.b) ? " flow" : "") });
    put(tip, { class: "tip" + more });
  }
}

function sync(view) {
  const { data, svg } = view;
  const keep = new Set(data.edges.map((edge) => edge.a + " " + edge.b));
  for (const [id, parts] of view.edges) if (!keep.has(id)) { parts.line.remove(); parts.tip.remove(); view.edges.delete(id); }
  for (const edge of data.edges) {
    const id = edge.a + " " + edge.b;
    if (!view.edges.has(id)) view.edges.set(id, { line: make("path", {}, view.lines), tip: make("path", {}, view.lines) });
    const { line, tip } = view.edges.get(id), below = data.nodes.find((node) => node.id === edge.b);
    put(line, { d: edge.d });
    put(tip, { d: `M${below.x + below.w / 2} ${below.y - 1}l-4 -6h8z` });
  }
  const ids = new Set(data.nodes.map((node) => node.id));
  const focused = view.root.activeElement && view.root.activeElement.closest && view.root.activeElement.closest("g.node");
  for (const [id, parts] of view.nodes) if (!ids.has(id)) { parts.group.remove(); view.nodes.delete(id); }
  let before = view.boxes.firstChild;
  for (const node of data.nodes) {
    if (!view.nodes.has(node.id)) view.nodes.set(node.id, drawNode(view, node));
    const parts = view.nodes.get(node.id);
    patchNode(view, parts, node);
    if (parts.group === before) before = before.nextSibling;
    else view.boxes.insertBefore(parts.group, before);
  }
  if (focused && focused.isConnected && view.root.activeElement !== focused) focused.focus({ preventScroll: true });
  put(svg, { viewBox: `0 0 ${data.width} ${data.height}`, "aria-label": "Pipeline, " + data.told });
  say(view.told, data.told);
  paint(view);
  tools(view);
  size(view);
}

function size(view) {
  const { width, height } = view.data;
  const room = view.scroll.clientWidth - 4, tall = view.scroll.clientHeight - 4;
  if (room <= 0) return;
  if (view.mode === "auto") view.scale = Math.min(MOST, Math.max(LEAST, room / width));
  if (view.mode === "fit") view.scale = Math.max(0.15, Math.min(1.5, room / width, view.stretch ? tall / height : 1.5,
    view.stretch ? 9 : Math.max(360, window.innerHeight * 0.66) / height));
  put(view.svg, { width: Math.round(width * view.scale), height: Math.round(height * view.scale) });
  if (!view.placed) {
    view.placed = true;
    const first = view.data.nodes.filter((node) => node.level === 0); // the beginning is in sight, in the middle
    const ends = first.flatMap((node) => [node.x, node.x + node.w]), from = Math.min(...ends), to = Math.max(...ends);
    const middle = (to - from) * view.scale <= room ? (from + to) / 2 : first[0].x + first[0].w / 2;
    view.scroll.scrollLeft = middle * view.scale - room / 2;
  }
}

function zoom(view, factor, at = null) {
  const { scroll } = view, box = scroll.getBoundingClientRect();
  const x = at ? at.x - box.left : box.width / 2, y = at ? at.y - box.top : box.height / 2;
  const scale = Math.max(0.15, Math.min(2.5, view.scale * factor)), ratio = scale / view.scale;
  const left = (scroll.scrollLeft + x) * ratio - x, top = (scroll.scrollTop + y) * ratio - y;
  view.mode = "own";
  view.scale = scale;
  size(view);
  scroll.scrollLeft = left;
  scroll.scrollTop = top;
}

function tools(view) {
  const wanted = [["remove", "Zoom out", () => zoom(view, 1 / 1.2)], ["add", "Zoom in", () => zoom(view, 1.2)],
    ["fit_screen", "Fit", () => { view.mode = "fit"; size(view); }]];
  if (view.data.folds.length) wanted.unshift(["unfold_less", "Fold groups", () => view.send("opened", [])]);
  const look = wanted.map((tool) => tool[1]).join();
  if (view.looks === look) return;
  view.looks = look;
  view.bar.replaceChildren();
  for (const [name, text, act] of wanted) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = text;
    button.setAttribute("aria-label", text);
    button.appendChild(make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }));
    icon(name, 0, 0, 24, button.firstChild);
    if (name === "fit_screen" || name === "unfold_less") button.appendChild(document.createTextNode(text));
    button.onclick = act;
    view.bar.appendChild(button);
  }
}

function choose(view, id) {
  view.chosen = id;
  view.n += 1;
  paint(view);
  view.send("pick", { id, n: view.n });
}

function act(view, id) {
  const node = view.data.nodes.find((each) => each.id === id);
  if (node.folded) view.send("opened", [...view.data.folds, id]);
  else choose(view, view.chosen === id ? null : id);
}

function show(view, id) {
  const { group } = view.nodes.get(id);
  group.focus({ preventScroll: true });
  const box = view.scroll.getBoundingClientRect(), at = group.getBoundingClientRect();
  if (at.left < box.left + 8) view.scroll.scrollLeft -= box.left + 24 - at.left;
  if (at.right > box.right - 8) view.scroll.scrollLeft += at.right - box.right + 24;
  if (at.top < box.top + 8) view.scroll.scrollTop -= box.top + 24 - at.top;
  if (at.bottom > box.bottom - 8) view.scroll.scrollTop += at.bottom - box.bottom + 24;
}

// up and down along edges to the nearest, left and right inside a row
function step(view, id, key) {
  const { nodes, edges } = view.data, here = nodes.find((node) => node.id === id);
  const near = (list) => list.sort((p, q) => Math.abs(p.x - here.x) - Math.abs(q.x - here.x) || p.x - q.x)[0];
  const named = (ids) => nodes.filter((node) => ids.includes(node.id));
  const row = nodes.filter((node) => node.level === here.level), place = row.indexOf(here);
  if (key === "ArrowDown") return near(named(edges.filter((edge) => edge.a === id).map((edge) => edge.b)));
  if (key === "ArrowUp") return near(named(edges.filter((edge) => edge.b === id).map((edge) => edge.a)));
  if (key === "ArrowRight") return row[place + 1];
  if (key === "ArrowLeft") return row[place - 1];
  if (key === "Home") return nodes[0];
  if (key === "End") return nodes[nodes.length - 1];
  return null;
}

function listen(view) {
  const { scroll, svg } = view;
  const idAt = (event) => event.target.closest && event.target.closest("g.node") && event.target.closest("g.node").dataset.id;
  let hold = null;
  scroll.onpointerdown = (event) => {
    if (event.pointerType !== "mouse" || event.button) return;
    hold = { x: event.clientX, y: event.clientY, left: scroll.scrollLeft, top: scroll.scrollTop, moved: false };
  };
  scroll.onpointermove = (event) => {
    if (!hold || !(event.buttons & 1)) return;
    const dx = event.clientX - hold.x, dy = event.clientY - hold.y;
    if (!hold.moved && Math.abs(dx) + Math.abs(dy) < 5) return;
    if (!hold.moved) { hold.moved = true; scroll.classList.add("held"); scroll.setPointerCapture(event.pointerId); }
    scroll.scrollLeft = hold.left - dx;
    scroll.scrollTop = hold.top - dy;
  };
  scroll.onpointerup = () => { scroll.classList.remove("held"); };
  scroll.onclick = (event) => {
    const moved = hold && hold.moved;
    hold = null;
    if (moved) return;
    const id = idAt(event);
    if (id) act(view, id);
    else if (view.chosen) choose(view, null);
  };
  scroll.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(view, Math.exp(-event.deltaY / 300), { x: event.clientX, y: event.clientY });
  };
  svg.onkeydown = (event) => {
    const id = idAt(event);
    if (!id || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") act(view, id);
    else if (event.key === "Escape" && view.chosen) choose(view, null);
    else {
      const next = step(view, id, event.key);
      if (next) show(view, next.id);
      else if (!event.key.startsWith("Arrow")) return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
}

function open(parent) {
  const find = (name) => parent.querySelector(name);
  const svg = find(".drawing");
  const view = { root: parent, svg, scroll: find(".scroll"), bar: find(".tools"), told: find(".told"), box: find(".box"), nodes: new Map(),
    edges: new Map(), mode: "auto", scale: 1, n: 0, chosen: null, kin: null, fonts: 0, family: "sans-serif", looks: "", data: null };
  view.lines = make("g", { "aria-hidden": "true" }, svg);
  view.boxes = make("g", {}, svg);
  view.watch = new ResizeObserver(() => { if (view.data) size(view); });
  view.watch.observe(view.scroll);
  listen(view);
  document.fonts.ready.then(() => { view.fonts += 1; if (view.data) sync(view); });
  return view;
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  if (!views.has(parentElement)) views.set(parentElement, open(parentElement));
  const view = views.get(parentElement);
  view.send = setStateValue;
  view.data = data;
  view.stretch = data.stretch;
  view.box.classList.toggle("stretch", data.stretch);
  view.family = getComputedStyle(view.box).fontFamily || "sans-serif";
  // what was clicked here and has not come back yet is newer than the data
  if (data.n >= view.n) { view.n = data.n; view.chosen = data.selected; }
  sync(view);
  return () => { view.watch.disconnect(); views.delete(parentElement); };
}
