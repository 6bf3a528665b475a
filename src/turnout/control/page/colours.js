// Each name keeps its colour on every page. The palette itself is the style sheet's: --s0 to --s9, for both themes.

const SIZE = 10; // the last one is grey, for what is no name
const KEPT = "turnout-colours";
const NAMELESS = new Set(["others", "none", "unknown"]);
const given = read();

// A name's place in the palette: by its hash, or the next free one; remembered, so that a new name moves no other.
// Models are told apart from models, all other names from each other.
export function place(name) {
  if (NAMELESS.has(name)) return SIZE - 1;
  if (given[name] === undefined) {
    const alike = Object.entries(given).filter(([other]) => other.includes("/") === name.includes("/"));
    const taken = new Set(alike.map(([, n]) => n));
    let n = hash(name) % (SIZE - 1);
    for (let tried = 0; taken.has(n) && tried < SIZE; tried += 1) n = (n + 1) % (SIZE - 1);
    given[name] = n;
    localStorage.setItem(KEPT, JSON.stringify(given));
  }
  return given[name];
}

// Places for all names of a page, in the order of the alphabet: so two people see the same colours.
export function agree(page) {
  const names = new Set();
  JSON.stringify(page.sections, (key, value) => {
    if (key === "series" && typeof value === "string") names.add(value);
    if (key === "colours") value.forEach((name) => names.add(name));
    return value;
  });
  [...names].sort().forEach(place);
}

// A colour of the theme that holds now: token("accent"), token("s3").
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const colourOf = (name) => token(`s${place(name)}`);

function hash(text) {
  let value = 2166136261;
  for (let n = 0; n < text.length; n += 1) value = Math.imul(value ^ text.charCodeAt(n), 16777619) >>> 0;
  return value;
}

function read() {
  try {
    const kept = Object.entries(JSON.parse(localStorage.getItem(KEPT) ?? "{}"));
    return Object.fromEntries(kept.filter(([, n]) => Number.isInteger(n) && n >= 0 && n < SIZE).slice(-100));
  } catch {
    return {};
  }
}
