// Plotly figures in the theme's colours. The script is loaded when the first chart is to be drawn.

import { colourOf, token } from "./colours.js";

const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, showTips: false, doubleClick: "reset" };
const NARROW = 480;
const MINUTE = 60_000;
const DAY = 86_400_000;
const DATES = [
  { dtickrange: [null, MINUTE - 1], value: "%H:%M:%S\n%b %-d" }, { dtickrange: [MINUTE, DAY - 1], value: "%H:%M\n%b %-d" }, { dtickrange: [DAY, "M1"], value: "%b %-d" }, { dtickrange: ["M1", null], value: "%b %Y" },
];
let loading = null;
const drawn = new WeakMap(); // plot -> what to draw in it again when its width changes
const widths = new ResizeObserver((entries) => entries.forEach(({ target }) => drawn.has(target) && draw(target, ...drawn.get(target))));

export async function drawCharts(page, root, go) {
  const charts = page.sections.flatMap((section) => section.blocks).filter((block) => block.type === "chart");
  if (!charts.length) return;
  await plotly();
  for (const chart of charts) {
    const plot = root.querySelector(`[data-chart="${CSS.escape(chart.id)}"]`);
    if (plot) await draw(plot, chart, go);
  }
}

async function draw(plot, chart, go) {
  const theme = token("text");
  const same = JSON.stringify([theme, chart.data, chart.layout, plot.clientWidth]);
  if (plot.dataset.shown === same) return;
  const fresh = !plot.dataset.shown;
  plot.dataset.shown = same;
  drawn.set(plot, [chart, go]);
  const height = chart.height + (chart.layout.showlegend && plot.clientWidth < NARROW ? 16 * chart.data.length : 0); // its legend is a column there
  plot.style.height = `${height}px`;
  await window.Plotly.react(plot, chart.data.map(coloured), { ...thinned(chart.layout, plot.clientWidth), width: plot.clientWidth, height, template: template(plot.clientWidth) }, CONFIG);
  if (!fresh) return;
  widths.observe(plot);
  plot.on("plotly_click", ({ points: [point] }) => { const link = linkOf(point); if (link) go(link); });
}

const linkOf = (point) => point.data.meta?.links?.[point.pointNumber ?? point.i] ?? point.data.meta?.link;

// Dates in few words, and fewer ticks where they would run into each other.
function thinned(layout, width) {
  if (layout.xaxis?.type === "date") return { ...layout, xaxis: { ...layout.xaxis, tickformatstops: DATES } };
  const { tickvals, ticktext } = layout.xaxis ?? {};
  const every = tickvals ? Math.ceil((tickvals.length * 60) / width) : 1;
  if (every < 2) return layout;
  const few = (_, n) => n % every === 0;
  return { ...layout, xaxis: { ...layout.xaxis, tickvals: tickvals.filter(few), ticktext: ticktext.filter(few) } };
}

function plotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name=plotly]").content;
    script.defer = true;
    script.onload = done;
    script.onerror = () => { loading = null; failed(new Error("the script that draws charts could not be loaded")); };
    document.head.append(script);
  });
  return loading;
}

function coloured(trace) {
  const { meta = {} } = trace;
  if (meta.colours) return { ...trace, marker: { ...trace.marker, colors: meta.colours.map(colourOf), line: { color: token("panel"), width: 2 } } };
  if (meta.scale) {
    const scale = [[0, token("low")], [0.7, token("middle")], [1, token("high")]];
    return { ...trace, colorscale: scale, textfont: { ...trace.textfont, color: token("text") } };
  }
  const colour = meta.series ? colourOf(meta.series) : meta.tone ? token(meta.tone) : null;
  if (!colour) return trace;
  const dressed = { ...trace, marker: { ...trace.marker, color: colour }, line: { ...trace.line, color: colour } };
  if (trace.type === "bar") delete dressed.line;
  if (trace.fill) dressed.fillcolor = `${colour}${meta.faint ? "1f" : "40"}`;
  return dressed;
}

function template(width) {
  const axis = {
    gridcolor: token("grid"), linecolor: token("line"), zerolinecolor: token("line"), tickcolor: token("line"), tickfont: { color: token("quiet"), size: 11 },
    automargin: true, fixedrange: true, title: { font: { color: token("quiet"), size: 11 }, standoff: 8 }, nticks: width < NARROW ? 5 : 8, tickangle: 0,
  };
  return {
    layout: {
      font: { family: getComputedStyle(document.body).fontFamily, color: token("text"), size: 12 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 8, r: 8, t: 8, b: 8, pad: 2 },
      xaxis: { ...axis, showgrid: false }, yaxis: { ...axis, rangemode: "tozero" }, dragmode: false, bargap: 0.18, hovermode: "x unified",
      hoverlabel: { bgcolor: token("panel"), bordercolor: token("line"), font: { color: token("text"), size: 12 }, align: "left", namelength: 40 },
      legend: { orientation: "h", x: 0, yref: "container", y: 0, yanchor: "bottom", font: { color: token("quiet"), size: 11 }, itemclick: "toggle", bgcolor: "rgba(0,0,0,0)" },
      annotationdefaults: { font: { color: token("quiet"), size: 11 }, showarrow: false, bgcolor: token("panel") },
      shapedefaults: { line: { color: token("quiet"), width: 1, dash: "dot" } },
    },
  };
}
