// The live chart: panes on one clock in UTC. Where the page says of a server, what is zoomed into is asked from it.
"use strict";
(() => {
  const block = document.getElementById("chart-data"), place = document.getElementById("chart");
  if (!block || !place || typeof uPlot === "undefined") return;
  const data = JSON.parse(block.textContent), ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const utc = seconds => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC");
  const full = uPlot.fmtDate("{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}");
  const times = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  ];
  const axis = extra => ({ stroke: ink("--soft"), grid: { stroke: ink("--line"), width: 1 }, ticks: { stroke: ink("--line"), width: 1 }, ...extra });
  const dashes = { "-": [], "--": [6, 4], ":": [2, 3], "-.": [7, 3, 2, 3] };
  const stepped = uPlot.paths.stepped({ align: 1 }), sync = uPlot.sync("rook");
  const said = (unit, digits) => (plot, value) => (value == null ? "\u2013" : value.toLocaleString("en", { maximumFractionDigits: digits }) + unit);
  const charts = [], [first, last] = data.span;
  let moving = false, known = data.view ?? data.span, asked = 0, timer = 0;
  // One column of rows for all lines, and one for the buys and one for the sells of marks, which are given by their places.
  const columns = pane => {
    const rows = [pane.at, ...pane.lines.map(line => line.values)];
    if (!pane.marks) return rows;
    const sides = [new Array(pane.at.length).fill(null), new Array(pane.at.length).fill(null)];
    for (const [index, , side] of pane.marks) sides[side > 0 ? 0 : 1][index] = pane.lines[0].values[index];
    return [...rows, ...sides];
  };
  const together = chart => {
    if (moving) return;
    moving = true;
    const { min, max } = chart.scales.x;
    for (const other of charts) if (other !== chart && (other.scales.x.min !== min || other.scales.x.max !== max)) other.setScale("x", { min, max });
    moving = false;
    if (data.window) { clearTimeout(timer); timer = setTimeout(refine, 60); }
  };
  const show = (min, max) => charts[0].setScale("x", { min: Math.max(first, min), max: Math.min(last, max) });
  const whole = () => show(first, last);
  const marked = (plot, event) => {
    const pane = data.panes[charts.indexOf(plot)], box = plot.over.getBoundingClientRect(), [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let nearest = null, least = event.pointerType === "touch" ? 24 : 14;
    for (const [index, row] of pane.marks ?? []) {
      const far = Math.hypot(plot.valToPos(pane.at[index], "x") - x, plot.valToPos(pane.lines[0].values[index], "y") - y);
      if (far < least) [nearest, least] = [row, far];
    }
    return nearest;
  };
  const open = row => {
    if (data.order) { location.href = data.order.replace("ROW", row); return; }
    const line = document.getElementById(`order-${row}`);
    if (!line) return;
    line.hidden = false;
    location.hash = line.id;
    line.scrollIntoView({ block: "center" });
  };
  const listen = plot => {
    let down = null;
    plot.over.addEventListener("pointerdown", event => { down = [event.clientX, event.clientY]; });
    plot.over.addEventListener("click", event => {
      const row = down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 5 ? marked(plot, event) : null;
      if (row !== null) open(row);
    });
    plot.over.addEventListener("pointermove", event => { plot.over.classList.toggle("to-order", marked(plot, event) !== null); });
  };
  const dots = (label, colour) => ({ label, stroke: colour, paths: () => null, points: { show: true, size: 7, fill: colour, stroke: colour } });
  const draw = pane => {
    const box = document.createElement("div"), lines = pane.lines, all = lines.every(line => line.apart);
    place.append(box);
    // What nobody can reach, or lost all, is drawn and does not stretch the scale.
    const series = lines.map(line => ({
      label: line.name, stroke: line.colour || ink("--soft"), width: line.width, dash: dashes[line.dash], auto: !line.apart || all,
      paths: stepped, points: { show: false }, value: said(line.unit ?? pane.unit, pane.digits), ...(line.area ? { fill: line.colour + "33" } : {}),
    }));
    if (pane.marks) series.push(dots(`${pane.of} buys`, "#009E73"), dots("sells", "#D55E00"));
    const value = said(pane.unit, pane.digits);
    const chart = new uPlot({
      width: place.clientWidth, height: pane.height, tzDate: utc,
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false }, points: { size: 6 }, bind: { dblclick: () => () => { whole(); return null; } } },
      scales: { x: { time: true } },
      axes: [axis({ values: times, space: 70 }), axis({ size: 66, label: pane.label, labelSize: 18, labelFont: "12px system-ui, sans-serif", values: (plot, ticks) => ticks.map(tick => tick.toLocaleString("en") + pane.unit) })],
      series: [{ label: "UTC", value: (plot, at) => (at == null ? "\u2013" : full(utc(at))) }, ...series.map(one => ({ value, ...one }))],
      hooks: { setScale: [(plot, key) => key === "x" && together(plot)] },
    }, columns(pane), box);
    charts.push(chart);
    listen(chart);
  };
  const shape = panes => JSON.stringify(panes.map(pane => [pane.label, pane.lines.length, Boolean(pane.marks)]));
  const refine = async () => {
    const { min, max } = charts[0].scales.x;
    if (Math.abs(min - known[0]) + Math.abs(max - known[1]) < 1e-6) return;
    const mine = ++asked;
    const query = min <= first && max >= last ? "" : `from=${min}&to=${max}`, place = new URL(location.href);
    for (const [key, at] of [["from", min], ["to", max]]) query ? place.searchParams.set(key, at) : place.searchParams.delete(key);
    history.replaceState(null, "", place);
    const answer = await fetch(data.window + (query && (data.window.includes("?") ? "&" : "?") + query));
    if (!answer.ok || mine !== asked) return;
    const found = await answer.json();
    known = [min, max];
    moving = true;
    const same = shape(found.panes) === shape(data.panes);
    data.panes = found.panes;
    if (!same) {
      for (const chart of charts.splice(0)) { const box = chart.root.parentNode; chart.destroy(); box.remove(); }
      found.panes.forEach(draw);
    }
    charts.forEach((chart, index) => { chart.batch(() => { if (same) chart.setData(columns(found.panes[index]), false); chart.setScale("x", { min, max }); }); });
    moving = false;
    tell(found);
  };
  const line = document.getElementById("drawn"), tell = found => { if (line && found.drawn) line.textContent = found.drawn; place.dataset.drawn = asked; };
  for (const pane of data.panes) draw(pane);
  if (data.view) { moving = true; for (const chart of charts) chart.setScale("x", { min: data.view[0], max: data.view[1] }); moving = false; }
  const move = (scale, shift) => () => {
    const { min, max } = charts[0].scales.x, width = Math.min((max - min) * scale, last - first);
    const middle = (min + max) / 2 + shift * (max - min), from = Math.max(first, Math.min(middle - width / 2, last - width));
    show(from, from + width);
  };
  const moves = [["Closer", move(0.5, 0)], ["Wider", move(2, 0)], ["Earlier", move(1, -0.5)], ["Later", move(1, 0.5)], ["All", whole]];
  let bar = place.closest("section").querySelector(".zoom");
  if (!bar) {
    bar = document.createElement("p");
    bar.className = "zoom";
    place.prepend(bar);
  }
  bar.replaceChildren(...moves.map(([name, does]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", does);
    return button;
  }));
  new ResizeObserver(() => { for (const chart of charts) chart.setSize({ width: place.clientWidth, height: chart.height }); }).observe(place);
  place.hidden = false;
  place.closest("section").classList.add("live");
  place.dataset.ready = "";
})();
