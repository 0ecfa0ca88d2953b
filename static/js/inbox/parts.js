// A part of the page is replaced by its new self; the focus stays where it was.
export function replace(id, html) {
  const old = document.getElementById(id);
  const fresh = made(html).querySelector(`#${id}`);
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  const held = old.contains(document.activeElement) ? whereIs(document.activeElement) : null;
  const top = old.scrollTop;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
  if (held) document.querySelector(held)?.focus({ preventScroll: true });
}

function whereIs(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.chat) return `[data-chat="${element.dataset.chat}"]`;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const action = element.closest("form")?.getAttribute("action");
  return action ? `form[action="${CSS.escape(action)}"] button` : null;
}

export function made(html) {
  return document.importNode(new DOMParser().parseFromString(html, "text/html").body, true);
}
