// The page of a sandbox phone asks for its texts each second. The reply box and its focus stay as they are.
const phone = document.querySelector("[data-live]");

async function ask() {
  let html;
  try {
    const response = await fetch(phone.dataset.live, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return wait(5000);
    html = await response.text();
  } catch {
    return wait(5000); // the server restarts, or the network is gone
  }
  const next = new DOMParser().parseFromString(html, "text/html");
  for (const id of ["phone-texts", "phones"]) replace(document.getElementById(id), next.getElementById(id));
  wait(1000);
}

function replace(shown, next) {
  if (!shown || !next || shown.innerHTML === next.innerHTML || shown.contains(document.activeElement)) return;
  afterPress(shown, () => shown.replaceWith(next));
}

function wait(milliseconds) {
  setTimeout(() => { document.hidden ? wait(milliseconds) : ask(); }, milliseconds);
}

if (phone) wait(1000);
