// Answering, and inserting forms.

import { conversation, reply, thread } from "./page.js";
import { made } from "./parts.js";
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
  sayBeside(form, "");
  let answer;
  try {
    answer = await post(form.action, new FormData(form), { signal: AbortSignal.timeout(20_000) });
  } catch {
    sayBeside(form, "It was not done: there is no connection. Try again.");
    return;
  }
  if (!answer.ok) { form.submit(); return; } // the page that follows says why not
  if (form.elements.client_key) form.elements.client_key.value = newKey();
  if (form.id === "insert") openInsert(false);
  poll();
}

function sayBeside(form, words) {
  form.parentElement.querySelector(":scope > .not-done")?.remove();
  if (!words) return;
  const place = document.createElement("p");
  place.className = "error not-done";
  place.setAttribute("role", "alert");
  form.after(place);
  place.textContent = words;
}

export const body = document.getElementById("body");
const notSent = document.getElementById("not-sent");
let sending = false;
async function send() {
  if (sending) return;
  const written = body.value;
  if (!written.trim()) { refuse("Write something first."); return; }
  sending = true;
  try {
    const answer = await post(reply.action, new FormData(reply), { signal: AbortSignal.timeout(20_000) });
    if (!answer.ok) { refuse(await whyNot(answer)); return; }
    body.value = body.value.startsWith(written) ? body.value.slice(written.length) : body.value; // it may be written on
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

async function whyNot(answer) {
  if (answer.status === 401 || answer.status === 400) return "It was not sent: you are signed out. Copy your text, reload, and send it again.";
  const told = made(await answer.text()).querySelector("#body-error, [data-status] h1 + p")?.textContent.trim();
  return `It was not sent. ${answer.status < 500 && told ? told : "Something went wrong on the server; your text is still here, send it again."}`;
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
