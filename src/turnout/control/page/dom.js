// Building elements and changing them in place. Text is always set as text, never as markup.

// h("td", {class: "number", title: "1"}, "one", otherElement): null and false children are left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Make `old` look like `fresh` with as few changes as possible, so that focus, scroll and selection stay where they are.
export function morph(old, fresh) {
  if (old.dataset?.keep && old.dataset.keep === fresh.dataset?.keep) return; // a script draws inside of it
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) {
    if (name === "style") old.style.cssText = value; // as an attribute the content security policy would refuse it
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old instanceof HTMLInputElement || old instanceof HTMLSelectElement || old instanceof HTMLTextAreaElement) {
    if (old !== document.activeElement && !old.closest("form[data-body]") && old.value !== fresh.value) old.value = fresh.value; // what is being filled in is the viewer's
    if (old === document.activeElement) return;
  }
  morphChildren(old, fresh);
}

export function morphChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, n) => {
    const present = old.childNodes[n];
    if (!present) old.append(child);
    else if (isAlike(present, child)) morph(present, child);
    else present.replaceWith(child);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.dataset?.keep === other.dataset?.keep;
}
