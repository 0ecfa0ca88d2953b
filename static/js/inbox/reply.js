// The reply form.

import { newKey, reasonOf } from "./acts.js";
import { post } from "./api.js";
import { poll } from "./polls.js";
import { conversation, reply, state, thread } from "./state.js";
import { stored } from "./tab.js";
import { sentence } from "./texts.js";
import { scrollToEnd } from "./thread.js";

// If sending fails, the text stays and can be sent again: it is posted once.
reply?.addEventListener("submit", (event) => { event.preventDefault(); send(); });

export const body = document.getElementById("body");
const notSent = document.getElementById("not-sent");
let isSending = false;
async function send() {
  if (isSending) return;
  const sent = body.value;
  if (!sent.trim()) { showNotSent(sentence("write_first")); return; }
  isSending = true;
  state.sent = sent.trim();
  const fields = new FormData(reply);
  reply.classList.add("is-busy");
  try {
    const response = await post(reply.action, fields, { signal: AbortSignal.timeout(20_000) });
    if (!response.ok) { showNotSent(sentence("not_sent", { reason: await reasonOf(response, reply.id) })); return; }
    body.value = body.value.startsWith(sent) ? body.value.slice(sent.length) : body.value; // the agent may have typed more
    storeDraft();
    if (fields.get("kind") === "message") reply.dispatchEvent(new Event("sent"));
    reply.elements.client_key.value = newKey();
    showNotSent("");
    scrollToEnd();
    poll();
  } catch {
    showNotSent(sentence("not_sent_offline"));
  } finally {
    isSending = false;
    reply.classList.remove("is-busy");
  }
}

function showNotSent(text) {
  notSent.textContent = text;
  notSent.hidden = !text;
  if (text) body.setAttribute("aria-invalid", "true");
  else body.removeAttribute("aria-invalid");
}

// A draft survives a visit to another page. What was begun as a note comes back as a note: the customer must not get it.
const note = document.getElementById("kind-note");
function storeDraft() {
  stored.set(`draft-${conversation}`, body.value);
  stored.set(`draft-note-${conversation}`, body.value && note.checked ? "yes" : "");
}
if (body) {
  const draft = stored.get(`draft-${conversation}`);
  if (!body.value && draft) {
    body.value = draft;
    if (stored.get(`draft-note-${conversation}`)) note.checked = true;
  }
  for (const choice of reply.elements.kind) choice.addEventListener("change", storeDraft);
  body.addEventListener("input", storeDraft);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
    if (event.key === "Escape") thread.focus();
  });
}

// The suggested sentence of a card goes into the message box, where the agent can change it.
document.addEventListener("click", (event) => {
  const suggestion = event.target.closest("[data-suggest]")?.dataset.suggest;
  if (!suggestion || !body) return;
  const message = document.getElementById("kind-message");
  if (!message.disabled) message.checked = true;
  body.value = body.value.trim() ? `${body.value.trimEnd()} ${suggestion}` : suggestion;
  storeDraft();
  body.focus();
});
