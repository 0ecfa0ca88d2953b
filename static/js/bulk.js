// The page of a bulk job asks for its progress each second, and reloads when the job has ended.
const place = document.querySelector("[data-poll]");
for (const link of document.querySelectorAll("[data-refresh]")) link.hidden = true;

async function ask() {
  let html;
  try {
    const response = await fetch(place.dataset.poll, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return wait(5000);
    html = await response.text();
  } catch {
    return wait(5000); // the server restarts, or the network is gone
  }
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("progress");
  if (!next || !("unfinished" in next.dataset)) return reload();
  if (!place.contains(document.activeElement)) afterPress(place, () => place.replaceChildren(next));
  wait(1000);
}

// A link that is pressed meanwhile is followed.
function reload() {
  let waited = false;
  afterPress(document.body, () => { waited ? wait(1000) : location.reload(); });
  waited = true;
}

function wait(milliseconds) {
  setTimeout(() => { document.hidden ? wait(milliseconds) : ask(); }, milliseconds);
}

if (place?.querySelector("[data-unfinished]")) wait(1000);
