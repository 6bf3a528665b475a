// Draws /api/summary and /api/requests. Whatever comes from a request is set as text, never as markup.

const POLL_MS = 2000;
const TOKEN = "turnout-admin-token";
const LOSSES = { damaged: "damaged bytes in the journal", unreadable: "unreadable journal frames", refused: "records the ledger refused" };

const at = (id) => document.getElementById(id);
const show = (id, text) => { at(id).textContent = text; };

function takeToken() {
  const match = location.hash.match(/^#token=(.+)$/);
  if (!match) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(match[1]));
  history.replaceState(null, "", location.pathname); // out of the address bar, the history and the next screenshot
}

async function get(path) {
  const reply = await fetch(path, { headers: { authorization: `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}` } });
  if (reply.status === 401) { askForToken(); throw new Error("the admin token is needed"); }
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.error?.message ?? `status ${reply.status}`);
  return body;
}

function askForToken() {
  at("figures").hidden = true;
  at("login").hidden = false;
}

const count = (number) => number.toLocaleString("en");
const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(part && part < whole / 10 ? 1 : 0)} %` : "–");

function dollars(amount) {
  if (amount === null) return "unknown";
  const size = Math.abs(amount);
  const digits = size >= 1 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumSignificantDigits: 3 };
  return `${amount < 0 ? "−" : ""}$${size.toLocaleString("en", digits)}`;
}

function duration(ms) {
  if (ms === null) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

function drawSummary(summary) {
  const { outcomes } = summary;
  show("requests", count(summary.requests));
  show("rate", `${summary.requests_per_s.toFixed(1)} a second now`);
  show("cost", dollars(summary.cost_usd));
  show("cost-note", summary.unpriced ? `and ${count(summary.unpriced)} answers of unknown price` : "every answer priced");
  at("cost-note").classList.toggle("warn", summary.unpriced > 0);
  show("saved", dollars(summary.saved_usd));
  show("saved-note", summary.baseline_usd ? `${share(summary.saved_usd, summary.baseline_usd)} less than the best model for everything` : "against the best model");
  show("p50", duration(summary.latency_ms.p50));
  show("p95", `p95 ${duration(summary.latency_ms.p95)}, first token ${duration(summary.first_token_ms.p50)}`);
  show("fallbacks", count(summary.fallbacks));
  show("errors", count(summary.errors));
  show("errors-note", `${count(outcomes.rejected ?? 0)} refused, ${count(outcomes.cancelled ?? 0)} cancelled`);
  at("errors-card").classList.toggle("bad", summary.errors > 0);
  drawBars("models", summary.models);
  drawBars("routes", summary.routes);
  const losses = Object.entries(LOSSES).filter(([name]) => summary.journal[name]).map(([name, words]) => `${count(summary.journal[name])} ${words}`);
  show("losses", losses.join(", "));
  at("losses").hidden = losses.length === 0;
  const lag = summary.latest === null ? "no requests yet" : `newest request ${duration(Math.max(0, summary.now - summary.latest) * 1000)} ago`;
  show("status", `live, ${lag}`);
  at("status").classList.remove("away");
}

function drawBars(id, shares) {
  const whole = shares.reduce((sum, one) => sum + one.requests, 0);
  at(id).replaceChildren(...shares.map((one) => {
    const row = document.createElement("li");
    const fill = part("span", "fill", "");
    fill.style.width = `${(100 * one.requests) / whole}%`;
    const name = part("span", "name", one.name);
    name.title = one.name;
    row.append(fill, name, part("span", "figure", `${share(one.requests, whole)} · ${count(one.requests)} · ${dollars(one.cost_usd)}`));
    return row;
  }));
}

function part(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function drawRecent(requests) {
  at("empty").hidden = requests.length > 0;
  at("recent").replaceChildren(...requests.map((line) => {
    const row = document.createElement("tr");
    row.tabIndex = 0;
    const model = part("td", "model", line.model ?? "–");
    model.title = line.model ?? "";
    row.append(
      part("td", "time", new Date(line.at * 1000).toLocaleTimeString("en-GB")),
      part("td", "route", line.route ?? "–"),
      model,
      part("td", "reason", line.reason ?? "–"),
      part("td", "task", line.task ?? "unknown"),
      part("td", "number cost", line.model ? dollars(line.cost_usd) : "–"),
      part("td", "number latency", duration(line.duration_ms)),
      part("td", `outcome outcome-${line.outcome}`, line.code ?? line.outcome),
    );
    const open = () => openDetail(line.id);
    row.addEventListener("click", open);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
    return row;
  }));
}

async function openDetail(id) {
  show("detail-id", id);
  try {
    show("detail-text", JSON.stringify(await get(`/api/requests/${encodeURIComponent(id)}`), null, 2));
  } catch (error) {
    show("detail-text", error.message);
  }
  if (!at("detail").open) at("detail").showModal();
}

async function draw() {
  try {
    const [summary, list] = await Promise.all([get(`/api/summary?window=${at("window").value}`), get("/api/requests?limit=40")]);
    at("login").hidden = true;
    at("figures").hidden = false;
    drawSummary(summary);
    if (!at("recent").contains(document.activeElement)) drawRecent(list.requests); // a row in use is not pulled away
  } catch (error) {
    show("status", error.message);
    at("status").classList.add("away");
  }
}

async function keepDrawing() {
  if (!document.hidden && at("login").hidden) await draw();
  setTimeout(keepDrawing, POLL_MS);
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  draw();
});
at("window").addEventListener("change", draw);
addEventListener("hashchange", () => { takeToken(); draw(); });
takeToken();
keepDrawing();
