// The shell: the token, which page, when to look again. What is on a page is the server's (control/pages), how it is drawn draw.js's.

import { drawCharts } from "./chart.js";
import { agree } from "./colours.js";
import { h, morphChildren } from "./dom.js";
import { note, openAll, sections, sortBy } from "./draw.js";
import { ago, written, zone } from "./format.js";
import { listen, showKeys } from "./keys.js";

const EVERY_MS = 2500;
const RETRY_MS = 5000;
const TOKEN = "turnout-admin-token";
const at = (id) => document.getElementById(id);

let shown = null; // {key, page}: what is on the screen
let trouble = null; // why the last look failed
let asking = null; // the look that is under way
let timer = 0;

function takeToken() {
  const match = location.hash.match(/^#token=(.+)$/);
  if (!match) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(match[1]));
  history.replaceState(null, "", location.pathname + location.search); // out of the address bar, the history and the next screenshot
}

// /decisions/ID?window=7d -> the page decisions, asked with id and window.
function place() {
  const [name, id] = location.pathname.split("/").slice(1).map(decodeURIComponent);
  const query = new URLSearchParams(location.search);
  if (id) query.set("id", id);
  return { name: name || "now", query };
}

async function call(path, options = {}) {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}`, ...options.headers };
  const reply = await fetch(path, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("the control process does not answer; is turnout serve running?");
  });
  if (reply.ok) return reply;
  const body = await reply.json().catch(() => ({}));
  throw Object.assign(new Error(body.error?.message ?? `the control process answered ${reply.status}`), { status: reply.status });
}

async function look() {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  const { name, query } = place();
  const key = `${name}?${query}`;
  if (shown?.key !== key) begin(name);
  query.set("zone", zone.name);
  try {
    const page = await (await call(`/api/pages/${encodeURIComponent(name)}?${query}`, { signal: mine.signal })).json();
    trouble = null;
    await draw(page, key);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 401) return askForToken(sessionStorage.getItem(TOKEN) ? "This token is not the control plane's." : "");
    trouble = error;
    drawTrouble();
  }
  if (mine === asking) again();
}

function again() {
  clearTimeout(timer);
  const wait = trouble ? (trouble.status === 400 || trouble.status === 404 ? 0 : RETRY_MS) : shown?.page.live ? EVERY_MS : 0;
  if (wait && !document.hidden) timer = setTimeout(look, wait);
}

// Another page is asked for: its place in the menu at once, and where its figures will be.
function begin(name) {
  for (const link of at("menu").children) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const current = at("menu").querySelector("[aria-current]");
  current?.scrollIntoView({ block: "nearest", inline: "center" });
  at("page").setAttribute("aria-busy", "true");
  if (shown?.page.name === name) return; // another window of the same page: what is there stays until the new figures come
  at("title").textContent = current?.textContent ?? "Not found";
  at("page").replaceChildren(h("section", { class: "bare wide skeleton" }, ...Array.from({ length: 6 }, () => h("span"))), h("section", { class: "panel wide skeleton tall" }));
}

async function draw(page, key) {
  at("login").hidden = true;
  at("main").hidden = false;
  const first = shown?.key !== key;
  if (first && shown?.page.name !== page.name) at("page").replaceChildren();
  if (first) for (const form of at("page").querySelectorAll("form[data-body]")) form.reset(); // what was filled in there is not meant for here
  shown = { key, page };
  document.title = `${page.title} · Turnout`;
  at("title").textContent = page.title;
  agree(page);
  morphChildren(at("page"), h("div", {}, sections(page)));
  at("page").setAttribute("aria-busy", "false");
  at("page").classList.remove("stale");
  drawState();
  await drawCharts(page, at("page"), go);
  at("page").dataset.drawn = page.name; // for tests and print services: everything is there
}

function drawTrouble() {
  at("main").hidden = false;
  at("login").hidden = true;
  at("page").setAttribute("aria-busy", "false");
  if (shown && shown.page.name === place().name) at("page").classList.add("stale");
  else at("page").replaceChildren();
  drawState();
}

function drawState() {
  const said = (shown?.page.alerts ?? []).map(note);
  if (trouble) {
    const words = h("div", { class: "note bad" }, h("p", {}, `These figures could not be read: ${trouble.message}.`), h("button", { type: "button", "data-retry": true }, "Try again"));
    said.unshift(words);
  }
  morphChildren(at("alerts"), h("div", {}, said));
  if (!shown) return void at("state").replaceChildren();
  const { asof, live, now } = shown.page;
  const newest = asof === null ? "" : ` · newest request ${ago(Math.max(0, now - asof))}`;
  const dot = h("i", { class: trouble ? "dot bad" : live ? "dot live" : "dot" });
  morphChildren(at("state"), h("p", {}, dot, `${trouble ? "not reached" : live ? "live" : "as of"} ${written(now, "time")}${newest}`));
}

function askForToken(why) {
  at("main").hidden = true;
  at("login").hidden = false;
  at("login-error").textContent = why;
  at("token").focus();
}

function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  if (!replace) scrollTo(0, 0);
  look();
}

function say(text, tone = "") {
  at("said").replaceChildren(h("p", { class: tone }, text));
  setTimeout(() => at("said").replaceChildren(), 6000);
}

async function save(file) {
  const { name, query } = place();
  query.set("zone", zone.name);
  const blob = await (await call(`/api/pages/${encodeURIComponent(name)}/${encodeURIComponent(file)}?${query}`)).blob();
  const link = h("a", { href: URL.createObjectURL(blob), download: `turnout-${name}-${file}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A form says itself where it goes, or each of its buttons does.
async function act(form, button) {
  const { action, confirm: question } = form.dataset.action ? form.dataset : button.dataset;
  if (question && !confirm(question)) return;
  const filled = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  const body = JSON.stringify({ ...JSON.parse(form.dataset.body), ...filled });
  await call(action, { method: form.dataset.method, body, headers: { "content-type": "application/json" } });
  say("Done.", "good");
  form.reset();
  look();
}

function search(form) {
  const filled = [...new FormData(form)].filter(([, value]) => value !== "");
  go(`${location.pathname}?${new URLSearchParams(filled)}`);
}

async function keep(text) {
  if (!navigator.clipboard) throw new Error("Browsers copy only from https or loopback addresses; select the text instead.");
  await navigator.clipboard.writeText(text);
  say("Copied.", "good");
}

const attempt = (work) => work.catch((error) => say(error.message, "bad"));

addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (link && link.origin === location.origin && !link.download && !link.hash && !event.ctrlKey && !event.metaKey && !event.shiftKey && !link.pathname.startsWith("/api/")) {
    event.preventDefault();
    return go(link.href);
  }
  const button = event.target.closest("button");
  if (!button) return undefined;
  const { sort, column, all, export: file, copy, retry } = button.dataset;
  if (sort !== undefined || all !== undefined) {
    if (all !== undefined) openAll(all);
    else sortBy(sort, Number(column));
    draw(shown.page, shown.key);
  } else if (file !== undefined) attempt(save(file));
  else if (copy !== undefined) attempt(keep(copy));
  else if (retry !== undefined) look();
  return undefined;
});
addEventListener("change", (event) => {
  const form = event.target.closest("form[data-search]");
  if (form) search(form);
});
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (form.id === "login") {
    sessionStorage.setItem(TOKEN, at("token").value.trim());
    look();
  } else if ("search" in form.dataset) search(form);
  else if ("body" in form.dataset) attempt(act(form, event.submitter));
});
addEventListener("popstate", look);
addEventListener("hashchange", () => { takeToken(); look(); });
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw(shown.page, shown.key));

function turnTheme() {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("turnout-theme", document.documentElement.dataset.theme);
  if (shown) draw(shown.page, shown.key);
}

function turnZone() {
  zone.toggle();
  drawZone();
  look();
}

function drawZone() {
  at("zone").textContent = zone.isUtc ? "UTC" : "local";
  at("zone").setAttribute("aria-label", `Times are ${zone.name}; press to change`);
}

at("theme").addEventListener("click", turnTheme);
at("zone").addEventListener("click", turnZone);
at("help").addEventListener("click", showKeys);
listen({ go, look, turnTheme, turnZone });
drawZone();
takeToken();
look();
