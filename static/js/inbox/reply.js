// The reply form, and inserting forms.

import { post } from "./api.js";
import { parse } from "./dom.js";
import { poll } from "./polls.js";
import { conversation, reply, thread } from "./state.js";
import { scrollToEnd } from "./thread.js";

// Forms are submitted without leaving the page. If that fails, the text stays and can be sent again: it is posted once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form === reply) {
    event.preventDefault();
    send();
  } else if (form.matches("[data-act]")) {
    event.preventDefault();
    submit(form);
  }
});

async function submit(form) {
  showError(form, "");
  let response;
  try {
    response = await post(form.action, new FormData(form), { signal: AbortSignal.timeout(20_000) });
  } catch {
    showError(form, "It was not done: there is no connection. Try again.");
    return;
  }
  if (!response.ok) { showError(form, `It was not done. ${await reasonOf(response, form.id)}`); return; }
  if (form.elements.client_key) form.elements.client_key.value = newKey();
  if (form.id === "insert") {
    form.reset();
    openInsert(false);
    body.focus();
  }
  poll();
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

export const body = document.getElementById("body");
const notSent = document.getElementById("not-sent");
let isSending = false;
async function send() {
  if (isSending) return;
  const sent = body.value;
  if (!sent.trim()) { showNotSent("Write something first."); return; }
  isSending = true;
  try {
    const response = await post(reply.action, new FormData(reply), { signal: AbortSignal.timeout(20_000) });
    if (!response.ok) { showNotSent(`It was not sent. ${await reasonOf(response, reply.id)}`); return; }
    body.value = body.value.startsWith(sent) ? body.value.slice(sent.length) : body.value; // the agent may have typed more
    storeDraft();
    reply.elements.client_key.value = newKey();
    showNotSent("");
    scrollToEnd();
    poll();
  } catch {
    showNotSent("It was not sent: there is no connection. Your text is still here; send it again.");
  } finally {
    isSending = false;
  }
}

// The reason from the page of the refusal: at the form with this id, or the sentence of an error page.
async function reasonOf(response, formId) {
  if (response.status === 401 || response.status === 400) return "You are signed out. Copy what you have written, reload the page, and try again.";
  const refused = parse(await response.text());
  const reason = (formId && refused.querySelector(`#${formId} .error:not([hidden])`)) || refused.querySelector("[data-status] h1 + p");
  return response.status < 500 && reason ? reason.textContent.trim() : "Something went wrong on the server. What you have written is still here; try again.";
}

function showNotSent(text) {
  notSent.textContent = text;
  notSent.hidden = !text;
  body.toggleAttribute("aria-invalid", Boolean(text));
}

function newKey() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replaceAll("+", "-").replaceAll("/", "_");
}

// A draft survives a visit to another page.
function storeDraft() {
  try {
    if (body.value) sessionStorage.setItem(`draft-${conversation}`, body.value);
    else sessionStorage.removeItem(`draft-${conversation}`);
  } catch { /* storage is not allowed */ }
}
if (body) {
  try { body.value ||= sessionStorage.getItem(`draft-${conversation}`) ?? ""; } catch { /* storage is not allowed */ }
  body.addEventListener("input", storeDraft);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
    if (event.key === "Escape") thread.focus();
  });
}

const insert = document.getElementById("insert");
export const insertButton = document.querySelector("[data-opens=insert]");
export function openInsert(open) {
  if (!insert) return;
  insert.hidden = !open;
  insertButton?.setAttribute("aria-expanded", String(open));
  if (open) insert.querySelector("select").focus();
}
if (insert) {
  if (insertButton) insertButton.hidden = false;
  openInsert(Boolean(insert.querySelector(".error")));
  insertButton?.addEventListener("click", () => openInsert(insert.hidden));
  insert.addEventListener("keydown", (event) => { if (event.key === "Escape") { openInsert(false); (insertButton ?? body).focus(); } });
}
