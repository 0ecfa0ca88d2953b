// The editor of a bot. All of it works without scripts: then "Update the preview" loads the page again.

const form = document.getElementById("bot");
const PAUSE_MS = 400;
let timer;
let running;

// How the chat shows what is typed, and whom the bot would greet.
async function check() {
  running?.abort();
  running = new AbortController();
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form), signal: running.signal });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [next, place] = [page.getElementById("check"), document.getElementById("check")];
    if (next && !place.contains(document.activeElement)) place.replaceWith(next);
  } catch (error) {
    if (error.name !== "AbortError") showButton(true); // no network: the button still asks
  }
}

const showButton = (isShown) => { form.querySelector("[data-check-button]").parentElement.hidden = !isShown; };

// Only the fields of the chosen trigger are shown.
function show() {
  const chosen = form.querySelector("[name=trigger]:checked")?.value;
  for (const part of form.querySelectorAll("[data-shown-for]")) part.hidden = !part.dataset.shownFor.split(" ").includes(chosen);
}

if (form) {
  showButton(false);
  form.addEventListener("input", () => {
    show();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  });
  show();
}
