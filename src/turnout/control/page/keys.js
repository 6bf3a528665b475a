// The keyboard: g and a letter leads to a page, / to the search.

const menu = document.getElementById("menu");
let waitsForPage = 0;

export function listen({ go, look, turnTheme, turnZone }) {
  const single = { "/": focusSearch, "?": showKeys, r: look, d: turnTheme, z: turnZone };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const page = waitsForPage > Date.now() && [...menu.children].find((link) => link.dataset.key === event.key);
    const work = page ? () => go(page.getAttribute("href")) : single[event.key];
    waitsForPage = event.key === "g" ? Date.now() + 1500 : 0;
    if (!work) return;
    event.preventDefault();
    work();
  });
}

const isTyping = (element) => element.matches?.("input:not([type=radio]), select, textarea");

function focusSearch() {
  const fields = document.querySelectorAll("form[data-search] input:not([type=radio]), form[data-search] select, form[data-search] input:checked");
  const first = [...fields].find((field) => field.type === "text") ?? fields[0];
  first?.focus();
}

export function showKeys() {
  const pages = [...menu.children].map((link) => [`g ${link.dataset.key}`, link.textContent]);
  const others = [["/", "search, or the first filter"], ["r", "look again now"], ["z", "times: yours or UTC"], ["d", "light or dark"], ["?", "these keys"]];
  const rows = [...pages, ...others].flatMap(([keys, words]) => {
    const term = document.createElement("dt");
    term.append(...keys.split(" ").map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
    return [term, Object.assign(document.createElement("dd"), { textContent: words })];
  });
  document.getElementById("keys-list").replaceChildren(...rows);
  document.getElementById("keys").showModal();
}
