// The integration check follows while a person clicks through their website. What is open stays open, and the focus
// stays where it is.

const live = document.getElementById("live");
const EVERY_MS = 2000;
const AFTER_TROUBLE_MS = 10000;

async function ask() {
  const askedMs = performance.now();
  let html;
  try {
    const response = await fetch(live.dataset.live, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return wait(AFTER_TROUBLE_MS);
    html = await response.text();
  } catch {
    return wait(AFTER_TROUBLE_MS); // the server restarts, or the network is gone
  }
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("check");
  const check = document.getElementById("check");
  if (next) afterPress(check, () => show(check, next));
  wait(Math.max(EVERY_MS, 10 * (performance.now() - askedMs))); // many pages take longer
}

function show(check, next) {
  for (const page of check.querySelectorAll(".is-new")) page.classList.remove("is-new");
  for (const page of next.querySelectorAll("details.check-page")) {
    const shown = document.getElementById(page.id);
    if (shown) page.open = shown.open;
    if (shown?.innerHTML !== page.innerHTML) page.classList.add("is-new");
  }
  if (check.innerHTML === next.innerHTML) return;
  const focused = check.contains(document.activeElement) && document.activeElement;
  check.replaceWith(next);
  if (focused) sameAs(focused, next)?.focus();
}

const sameAs = (element, within) => {
  if (element.id) return document.getElementById(element.id);
  const twins = within.querySelectorAll(element.localName);
  return [...twins].find((each) => each.outerHTML === element.outerHTML);
};

function wait(milliseconds) {
  setTimeout(() => { document.hidden ? wait(milliseconds) : ask(); }, milliseconds);
}

document.getElementById("live-note").hidden = false;
wait(EVERY_MS);
