// Replaces elements with HTML from the server. Neither the focus nor a click is lost.

export function replace(id, html) {
  const old = document.getElementById(id);
  const fresh = parse(html).querySelector(`#${id}`);
  if (!old || !fresh) return;
  if (old.outerHTML === fresh.outerHTML) { afterPress(old); return; }
  for (const details of fresh.querySelectorAll("details[id]")) details.open ||= document.getElementById(details.id)?.open ?? false;
  swap(old, fresh);
}

// The focus stays on the same control, or moves to the message box when the control is gone.
export function swap(old, fresh) {
  afterPress(old, () => put(old, fresh)); // static/js/staff.js
}

function put(old, fresh) {
  const focused = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  const top = old.scrollTop;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
  if (focused === null) return;
  const target = (focused && document.querySelector(focused)) || document.getElementById("body") || fresh.querySelector("a, button");
  target?.focus({ preventScroll: true });
}

function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.chat) return `[data-chat="${element.dataset.chat}"]`;
  if (element.matches("summary")) return `#${CSS.escape(element.closest("[id]").id)} summary`;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const form = element.closest("form");
  if (form?.dataset.key) return `form[data-key="${form.dataset.key}"] button`;
  return form ? `form[action="${CSS.escape(form.getAttribute("action"))}"] button` : "";
}

export function parse(html) {
  return document.importNode(new DOMParser().parseFromString(html, "text/html").body, true);
}
