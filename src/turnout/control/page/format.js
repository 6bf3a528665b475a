// Values as people read them: short on the page, in full in the title.

const number = (options) => new Intl.NumberFormat(undefined, options);
const whole = number({ maximumFractionDigits: 0 });
const fine = number({ maximumFractionDigits: 12 });
const short = number({ maximumSignificantDigits: 3 });
const cents = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const one = number({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const PICO = 1e12;
const NONE = "–";

export const zone = {
  get name() { return localStorage.getItem("turnout-zone") === "UTC" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"; },
  get isUtc() { return localStorage.getItem("turnout-zone") === "UTC"; },
  toggle() { localStorage.setItem("turnout-zone", this.isUtc ? "local" : "UTC"); },
};

const WRITERS = {
  text: (value) => String(value),
  code: (value) => String(value),
  count: (value) => whole.format(value),
  usd: dollars,
  ms: (value) => milliseconds(value),
  us: (value) => (value < 1000 ? `${short.format(value)} µs` : milliseconds(value / 1000)),
  percent: (value) => (value > 0 && value < 0.0005 ? "< 0.1 %" : `${value && Math.abs(value) < 0.0995 ? one.format(100 * value) : whole.format(100 * value)} %`),
  score: (value) => number({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value),
  per_s: (value) => `${value < 10 ? short.format(value) : one.format(value)}/s`,
  bytes: (value) => bytes(value),
  time: (value) => time(value),
  ago: (value) => ago(Date.now() / 1000 - value),
};
const NUMERIC = new Set(["count", "usd", "ms", "us", "percent", "score", "per_s", "bytes"]);
const TIMES = new Set(["time", "ago"]);

export const isNumeric = (format) => NUMERIC.has(format);

export function written(value, format) {
  if (value === null || value === undefined) return format === "usd" ? "unknown" : NONE;
  return typeof value === "string" ? value : WRITERS[format](value);
}

// What the title says: the whole value, or nothing where the page already shows all of it.
export function inFull(value, format) {
  if (value === null || value === undefined) return format === "usd" ? "the price is not known" : "nothing to show yet";
  if (typeof value === "string") return value.length > 24 ? value : null;
  if (format === "usd") return `$${fine.format(value / PICO)}`;
  if (TIMES.has(format)) return `${new Date(value * 1000).toLocaleString(undefined, { timeZone: zone.name, timeZoneName: "short" })}`;
  return format === "count" && value < 1000 ? null : fine.format(value);
}

function dollars(pico) {
  const amount = pico / PICO;
  const size = Math.abs(amount);
  return `${amount < 0 ? "−" : ""}$${size >= 1 ? (size >= 100_000 ? whole : cents).format(size) : number({ maximumSignificantDigits: 3, maximumFractionDigits: 12 }).format(size)}`;
}

function milliseconds(value) {
  if (value < 1000) return `${value < 10 ? short.format(value) : whole.format(value)} ms`;
  return value < 120_000 ? `${number({ maximumSignificantDigits: 3 }).format(value / 1000)} s` : `${one.format(value / 60_000)} min`;
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = 0;
  for (; value >= 1024 && n < units.length - 1; n += 1) value /= 1024;
  return `${short.format(value)} ${units[n]}`;
}

function time(seconds) {
  const at = new Date(seconds * 1000);
  const day = (date) => date.toLocaleDateString("en-CA", { timeZone: zone.name });
  const options = { timeZone: zone.name, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  if (day(at) === day(new Date())) return at.toLocaleTimeString(undefined, options);
  delete options.second;
  const year = day(at).slice(0, 4) === day(new Date()).slice(0, 4) ? {} : { year: "numeric" };
  return at.toLocaleString(undefined, { ...options, ...year, day: "numeric", month: "short" });
}

export function ago(seconds) {
  if (seconds < 2) return "just now";
  if (seconds < 90) return `${whole.format(seconds)} s ago`;
  if (seconds < 5400) return `${whole.format(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${whole.format(seconds / 3600)} h ago`;
  return `${whole.format(seconds / 86_400)} days ago`;
}
