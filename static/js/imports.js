// Sends a file to import in slices, so that it may be large, and goes on after an interruption.
// Without this script the form sends a small file in one request.
const form = document.querySelector("form[data-upload]");
const input = form.querySelector("input[type=file]");
const problem = document.getElementById("file-error");
const progress = form.querySelector("[data-progress]");
const ATTEMPTS_MAX = 8;

async function post(address, body, type) {
  const headers = { "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" };
  if (type) headers["Content-Type"] = type;
  const response = await fetch(address, { method: "POST", headers, body });
  if (response.status === 422) throw new Refused((await response.json()).problem);
  if (!response.ok || response.redirected) throw new Error(response.status);
  return response.json();
}

class Refused extends Error {}

// Repeats a call that fails because of the network or a busy server.
async function patiently(call) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Refused || attempt === ATTEMPTS_MAX) throw error;
      await new Promise((done) => setTimeout(done, Math.min(500 * 2 ** attempt, 15000)));
    }
  }
}

function show(words, share) {
  progress.hidden = false;
  progress.querySelector("progress").value = share;
  progress.querySelector("p").textContent = words;
}

async function send(file) {
  const begun = await patiently(() => post(form.dataset.upload, new URLSearchParams({ name: file.name, size: file.size })));
  let { received } = begun;
  while (received < file.size) {
    const slice = file.slice(received, received + begun.slice_bytes);
    const answer = await patiently(() => post(`${begun.slices}?offset=${received}`, slice, "application/octet-stream"));
    received = answer.received;
    const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(received / file.size);
    show(`${form.dataset.sending}: ${percent}`, received / file.size);
  }
  show(form.dataset.checking, 1);
  return (await patiently(() => post(begun.complete))).next;
}

form.addEventListener("submit", async (event) => {
  const file = input.files[0];
  if (!file) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  problem.hidden = true;
  input.removeAttribute("aria-invalid");
  try {
    location.assign(await send(file));
  } catch (error) {
    problem.textContent = error instanceof Refused ? error.message : form.dataset.failed;
    problem.hidden = false;
    progress.hidden = true;
    button.disabled = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
});
