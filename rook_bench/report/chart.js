// The live chart: equity of every source and the price with the candidate's fills, on one clock in UTC.
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
  const stepped = uPlot.paths.stepped({ align: 1 });
  const said = (unit, digits) => (plot, value) => (value == null ? "\u2013" : value.toLocaleString("en", { maximumFractionDigits: digits }) + unit);
  const charts = [];
  let moving = false;
  const together = chart => {
    if (moving) return;
    moving = true;
    const { min, max } = chart.scales.x;
    for (const other of charts) if (other !== chart && (other.scales.x.min !== min || other.scales.x.max !== max)) other.setScale("x", { min, max });
    moving = false;
  };
  const sync = uPlot.sync("rook");
  const draw = (height, series, rows, label, unit, digits) => {
    const box = document.createElement("div");
    place.append(box);
    const chart = new uPlot({
      width: place.clientWidth, height, tzDate: utc,
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false }, points: { size: 6 } },
      scales: { x: { time: true } },
      axes: [axis({ values: times, space: 70 }), axis({ size: 62, label, labelSize: 18, labelFont: "12px system-ui, sans-serif", values: (plot, ticks) => ticks.map(tick => tick.toLocaleString("en") + unit) })],
      series: [{ label: "UTC", value: (plot, at) => (at == null ? "\u2013" : full(utc(at))) }, ...series.map(one => ({ value: said(unit, digits), ...one }))],
      hooks: { setScale: [(plot, key) => key === "x" && together(plot)] },
    }, rows, box);
    charts.push(chart);
    return chart;
  };
  // Sources that nobody can reach, or that lost all, are drawn and do not stretch the scale.
  draw(360, data.series.map((one, index) => ({
    label: one.name, stroke: one.colour, width: index ? 1.4 : 2.4, dash: dashes[one.dash], auto: !one.apart || data.series.every(other => other.apart), paths: stepped, points: { show: false },
  })), [data.at, ...data.series.map(one => one.values)], "net equity since opening", "%", 3);
  const marks = new Map(data.price.at.map((at, index) => [at, [data.price.values[index], null, null]]));
  for (const [at, price, side] of data.fills) {
    const row = marks.get(at) ?? [undefined, null, null];
    row[side > 0 ? 1 : 2] = price;
    marks.set(at, row);
  }
  const order = [...marks.keys()].sort((one, other) => one - other), column = which => order.map(at => marks.get(at)[which]);
  const dots = colour => ({ stroke: colour, paths: () => null, points: { show: true, size: 7, fill: colour, stroke: colour } });
  draw(190, [
    { label: "price", stroke: ink("--soft"), width: 1.2, paths: stepped, points: { show: false } },
    ...(data.fills.length ? [{ label: `${data.of} buys`, ...dots("#009E73") }, { label: "sells", ...dots("#D55E00") }] : []),
  ], [order, column(0), ...(data.fills.length ? [column(1), column(2)] : [])], data.price.unit, "", 6);
  const [first, last] = [data.at[0], data.at[data.at.length - 1]];
  const move = (scale, shift) => () => {
    const { min, max } = charts[0].scales.x, width = Math.min((max - min) * scale, last - first);
    const middle = (min + max) / 2 + shift * (max - min);
    const from = Math.max(first, Math.min(middle - width / 2, last - width));
    charts[0].setScale("x", { min: from, max: from + width });
  };
  const bar = document.createElement("p");
  bar.className = "zoom";
  for (const [name, does] of [["Closer", move(0.5, 0)], ["Wider", move(2, 0)], ["Earlier", move(1, -0.5)], ["Later", move(1, 0.5)], ["All", move(Infinity, 0)]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", does);
    bar.append(button);
  }
  place.prepend(bar);
  new ResizeObserver(() => { for (const chart of charts) chart.setSize({ width: place.clientWidth, height: chart.height }); }).observe(place);
  place.hidden = false;
  place.closest("section").classList.add("live");
  place.dataset.ready = "";
})();
