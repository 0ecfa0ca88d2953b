// Answering, and inserting forms.

import { conversation, reply, thread } from "./page.js";
import { poll } from "./polls.js";
import { post } from "./server.js";
import { toEnd } from "./thread.js";

// Acts are sent without leaving the page. Where that fails, the text stays and can be sent again: it arrives once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form === reply) {
    event.preventDefault();
    send();
  } else if (form.matches("[data-act]")) {
    event.preventDefault();
    act(form);
  }
});

async function act(form) {
  try {
    const response = await post(form.action, new FormData(form));
    if (!response.ok) throw new Error(response.status);
    if (form.elements.client_key) form.elements.client_key.value = newKey();
    if (form.id === "insert") openInsert(false);
    poll();
  } catch {
    form.submit();
  }
}

export const body = document.getElementById("body");
const notSent = document.getElementById("not-sent");
let sending = false;
async function send() {
  if (sending) return;
  if (!body.value.trim()) { refuse("Write something first."); return; }
  sending = true;
  try {
    const response = await post(reply.action, new FormData(reply), { signal: AbortSignal.timeout(20_000) });
    if (response.status === 401 || response.status === 400) { refuse("It was not sent: you are signed out. Copy your text, reload, and send it again."); return; }
    if (!response.ok) throw new Error(response.status);
    body.value = "";
    keep();
    reply.elements.client_key.value = newKey();
    refuse("");
    toEnd();
    poll();
  } catch {
    refuse("It was not sent: there is no connection. Your text is still here; send it again.");
  } finally {
    sending = false;
  }
}

function refuse(words) {
  notSent.textContent = words;
  notSent.hidden = !words;
  body.toggleAttribute("aria-invalid", Boolean(words));
}

function newKey() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replaceAll("+", "-").replaceAll("/", "_");
}

// What is half written survives a look elsewhere.
function keep() {
  try {
    if (body.value) sessionStorage.setItem(`draft-${conversation}`, body.value);
    else sessionStorage.removeItem(`draft-${conversation}`);
  } catch { /* nowhere to keep it */ }
}
if (body) {
  try { body.value ||= sessionStorage.getItem(`draft-${conversation}`) ?? ""; } catch { /* nowhere to find it */ }
  body.addEventListener("input", keep);
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
  insertButton.setAttribute("aria-expanded", String(open));
  if (open) insert.querySelector("select").focus();
}
if (insert) {
  insertButton.hidden = false;
  openInsert(false);
  insertButton.addEventListener("click", () => openInsert(insert.hidden));
  insert.addEventListener("keydown", (event) => { if (event.key === "Escape") { openInsert(false); insertButton.focus(); } });
}
