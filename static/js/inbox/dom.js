// Replaces elements with HTML from the server, without moving the focus.

export function replace(id, html) {
  const old = document.getElementById(id);
  const fresh = parse(html).querySelector(`#${id}`);
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  const focused = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  const top = old.scrollTop;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
  if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
}

function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.chat) return `[data-chat="${element.dataset.chat}"]`;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const action = element.closest("form")?.getAttribute("action");
  return action ? `form[action="${CSS.escape(action)}"] button` : null;
}

export function parse(html) {
  return document.importNode(new DOMParser().parseFromString(html, "text/html").body, true);
}
