// A page's blocks (control/pages/blocks.py) as elements. Listeners are page.js's, by data attributes, so that elements can be morphed.

import { place } from "./colours.js";
import { h } from "./dom.js";
import { inFull, isNumeric, written } from "./format.js";

const BARE = new Set(["figures", "search", "note"]);
const LONG = 40; // characters that are no column beside two others on a telephone
const opened = new Set(); // tables of which all rows are wanted
const sorts = new Map(); // table id -> {column, down}: kept while the page is refreshed

export function sections(page) {
  return page.sections.map((section) => {
    const bare = section.blocks.every((block) => BARE.has(block.type)) && !section.title;
    const titled = section.title ? h("h2", {}, section.title) : null;
    const classes = [bare ? "bare" : "panel", section.wide || bare ? "wide" : "", section.beside ? "beside" : ""];
    return h("section", { class: classes.filter(Boolean).join(" ") }, titled, ...section.blocks.map(drawn));
  });
}

export const note = (one) => h("div", { class: `note ${one.tone ?? "plain"}` }, h("p", {}, one.text), one.command ? command(one.command) : null);

export function sortBy(table, column) {
  const present = sorts.get(table);
  sorts.set(table, { column, down: present?.column === column ? !present.down : true });
}

export const openAll = (table) => opened.add(table);

const DRAWERS = { figures, chart, table, note, search, action, actions, text };
const drawn = (block) => DRAWERS[block.type](block);

function figures(block) {
  const n = block.figures.length;
  return h("div", { class: `figures of-${n <= 6 ? n : n <= 8 ? 4 : n <= 10 ? 5 : 6}` }, block.figures.map((figure) => {
    const { value, format, tone, link } = figure;
    const inside = [
      h("span", { class: "name" }, figure.name),
      h("strong", { class: `value ${value === null ? "quiet" : tone}`, title: inFull(value, format) }, written(value, format)),
      h("small", {}, figure.note),
    ];
    return link ? h("a", { class: "figure", href: link }, inside) : h("div", { class: "figure" }, inside);
  }));
}

const isEmpty = (trace) => !(trace.labels ?? trace.z ?? trace.x ?? []).length || !(trace.values ?? trace.z ?? trace.y ?? []).length;

function chart(block) {
  if (block.data.every(isEmpty)) return h("figure", { class: "chart" }, h("figcaption", {}, block.title), h("p", { class: "empty" }, "Nothing to draw in this window yet."));
  const plot = h("div", { class: "plot", "data-keep": `chart ${block.id}`, "data-chart": block.id, "aria-hidden": "true" });
  plot.style.height = `${block.height}px`;
  plot.style.minWidth = `${block.least}px`;
  return h("figure", { class: "chart" },
    block.title ? h("figcaption", {}, block.title) : null, h("div", { class: "scrolls" }, plot), h("p", { class: "unseen" }, block.says), block.note ? h("p", { class: "quiet" }, block.note) : null);
}

function table(block) {
  const { columns } = block;
  const more = block.more ? h("p", {}, h("a", { class: "more", href: block.more }, "Older ones")) : null;
  if (!block.rows.length) return h("div", { class: "tabled" }, titleOf(block, false), h("p", { class: "empty" }, block.empty), more);
  const sorted = sorts.get(block.id);
  const head = columns.map((column, n) => {
    const order = sorted?.column === n ? (sorted.down ? "descending" : "ascending") : null;
    const button = h("button", { type: "button", "data-sort": block.id, "data-column": n }, column.name);
    return h("th", { scope: "col", class: isNumeric(column.format) ? "number" : null, "aria-sort": order }, button);
  });
  const rows = inOrder(block.rows, sorted);
  const few = block.first && rows.length > block.first + 3 && !opened.has(block.id);
  const body = (few ? rows.slice(0, block.first) : rows).map((row) => h("tr", {}, row.map((one, n) => cell(one, columns[n], n))));
  const wide = columns.length > 4 || (columns.length > 2 && block.rows.some((row) => row.some((one) => String(valueOf(one)).length > LONG)));
  const grid = h("table", { class: wide ? "stacks" : null },
    h("caption", { class: "unseen" }, block.title), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
  return h("div", { class: "tabled" }, titleOf(block, true), h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": block.title || block.id }, grid),
    few ? h("button", { type: "button", class: "all", "data-all": block.id }, `All ${rows.length} rows`) : null,
    block.note ? h("p", { class: "quiet" }, block.note) : null, more);
}

function titleOf(block, exports) {
  const kinds = exports ? ["csv", "json"] : [];
  return h("div", { class: "heading" }, h("h3", {}, block.title), kinds.map((kind) =>
    h("button", { type: "button", class: "export", "data-export": `${block.id}.${kind}`, title: `All rows of this table as ${kind.toUpperCase()}` }, kind.toUpperCase())));
}

const valueOf = (one) => (one !== null && typeof one === "object" ? one.value : one);

function inOrder(rows, sorted) {
  if (!sorted) return rows;
  const turn = sorted.down ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [valueOf(one[sorted.column]), valueOf(other[sorted.column])];
    if (a === null || b === null) return (a === null) - (b === null);
    return turn * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  });
}

function cell(one, column, n) {
  const full = one !== null && typeof one === "object" ? one : { value: one };
  const { value, link, tone, low, high, bar, series } = full;
  const ranged = low !== null && low !== undefined;
  const text = written(value, column.format);
  const title = ranged ? `${inFull(value, column.format) ?? text}; between ${written(low, column.format)} and ${written(high, column.format)}` : inFull(value, column.format);
  const swatch = series ? h("i", { class: "swatch", "data-colour": place(series) }) : null;
  const words = value !== null && typeof value === "string" ? breakable(text) : text;
  const shown = link ? h("a", { href: link }, words) : words;
  const range = ranged ? h("small", { class: "range" }, `${written(low, column.format)} – ${written(high, column.format)}`) : null;
  const classes = [isNumeric(column.format) ? "number" : "", column.format === "code" ? "code" : "", tone ?? "", value === null || value === undefined ? "quiet" : "", n === 0 ? "first" : "", text.length > 28 ? "long" : ""];
  return h("td", { class: classes.filter(Boolean).join(" ") || null, title, "data-name": column.name }, barOf(bar), h("span", { class: "in" }, swatch, shown, full.note ? h("small", {}, full.note) : null, range));
}

// A long name may be broken after its separators, rather than anywhere.
const breakable = (text) => text.split(/(?<=[_/]|\.(?!\d))/).flatMap((part, n) => (n ? [h("wbr"), part] : [part]));

function barOf(share) {
  if (share === null || share === undefined) return null;
  const bar = h("span", { class: "bar" });
  bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return bar;
}

function search(block) {
  return h("form", { class: "search", role: "search", "data-search": true }, block.fields.map((one) => field(one)), h("button", { class: "unseen" }, "Search"));
}

function field(one, empty = "any") {
  if (one.options && !one.options.includes("") && one.options.join("").length < 32) {
    return h("fieldset", { class: "choice", title: one.label }, h("legend", { class: "unseen" }, one.label), one.options.map((option) =>
      h("label", {}, h("input", { type: "radio", name: one.name, value: option, checked: option === one.value }), h("span", {}, option))));
  }
  const input = one.options
    ? h("select", { name: one.name, "aria-label": one.label, required: empty === "choose" }, one.options.map((option) => h("option", { value: option, selected: option === one.value }, option || `${empty} ${one.label.toLowerCase()}`)))
    : h("input", { name: one.name, value: one.value, autocomplete: "off", spellcheck: "false" });
  return one.options?.includes("") ? input : h("label", {}, h("span", {}, one.label), input);
}

function action(block) {
  const attributes = { class: "action", "data-action": block.path, "data-method": block.method, "data-confirm": block.confirm || null, "data-body": JSON.stringify(block.body) };
  return h("form", attributes, inputs(block), h("button", { class: block.tone }, block.label));
}

function actions(block) {
  return h("form", { class: "action", "data-method": "POST", "data-body": "{}" }, inputs(block), block.buttons.map((one) =>
    h("button", { class: one.tone, "data-action": one.path, "data-confirm": one.confirm || null }, one.label)));
}

const inputs = (block) => block.fields.map((one) => field(one, "choose"));

function text(block) {
  const lines = block.language === "diff" ? block.text.split("\n").map((line) => h("span", { class: { "+": "good", "-": "bad" }[line[0]] }, `${line}\n`)) : [block.text];
  return h("div", { class: "tabled" }, h("div", { class: "heading" }, h("h3", {}, block.title), copy(block.text)), h("pre", { class: block.language, tabindex: "0" }, lines));
}

const command = (line) => h("p", { class: "command" }, h("code", {}, line), copy(line));
const copy = (what) => h("button", { type: "button", class: "export", "data-copy": what }, "Copy");
