// Forms with "data-act" are submitted without leaving the page. If that fails, they can be sent again: it is done once.

import { post } from "./api.js";
import { parse } from "./dom.js";
import { poll } from "./polls.js";
import { sentence } from "./texts.js";
import { showToast } from "./toast.js";

// What happens after a form was accepted, by its id or its key. The response is JSON, or null.
export const afterwards = {};

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-act]")) return;
  event.preventDefault();
  act(event.target);
});

async function act(form) {
  if (form.classList.contains("is-busy")) return;
  showError(form, "");
  form.classList.add("is-busy");
  try {
    const response = await post(form.action, new FormData(form), { signal: AbortSignal.timeout(20_000) });
    if (!response.ok) { showError(form, await reasonOf(response, form.id)); return; }
    if (form.elements.client_key) form.elements.client_key.value = newKey();
    const done = response.status === 200 ? await response.json() : null;
    afterwards[form.id || form.dataset.key]?.(form, done);
    if (done?.undo) showToast(done);
    poll();
  } catch {
    showError(form, sentence("nothing_changed"));
  } finally {
    form.classList.remove("is-busy");
  }
}

function showError(form, text) {
  form.parentElement.querySelector(":scope > .not-done")?.remove();
  if (!text) return;
  const error = document.createElement("p");
  error.className = "error not-done";
  error.setAttribute("role", "alert");
  form.after(error);
  error.textContent = text;
}

// The reason from the page of the refusal: at the form with this id, or the sentence of an error page.
export async function reasonOf(response, formId) {
  if (response.status === 401 || response.status === 400) return sentence("signed_out");
  const refused = parse(await response.text());
  const reason = (formId && refused.querySelector(`#${formId} .error:not([hidden])`)) || refused.querySelector("[data-status] h1 + p");
  return response.status < 500 && reason ? reason.textContent.trim() : sentence("server_error");
}

export function newKey() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replaceAll("+", "-").replaceAll("/", "_");
}
