// The picker of saved replies: their page in a dialog, with search. Choosing one puts its text where the cursor is.

import { parse } from "./dom.js";
import { body } from "./reply.js";
import { conversation, reply } from "./state.js";
import { stored } from "./tab.js";
import { sentence } from "./texts.js";

const dialog = document.getElementById("replies-dialog");
const search = document.getElementById("replies-q");
const place = document.getElementById("replies-place");
const said = document.getElementById("replies-said");
const link = document.querySelector("[data-replies]");
const attached = document.getElementById("attached");
const attachedForm = document.getElementById("attached-form");
const draft = `draft-form-${conversation}`;

// The dialog opens before its replies arrive, so that what is typed meanwhile is a search and no shortcut.
export async function openReplies() {
  if (!link || document.querySelector("dialog[open]")) return;
  search.value = "";
  place.textContent = place.dataset.loading;
  dialog.showModal();
  search.focus();
  let replies = null;
  try {
    const response = await fetch(link.href, { signal: AbortSignal.timeout(10_000) });
    if (response.ok && !response.redirected) replies = parse(await response.text()).querySelector("#replies");
  } catch { /* the page says so itself */ }
  if (!replies) { location.assign(link.href); return; }
  place.replaceChildren(replies);
  find();
}

const picks = () => [...place.querySelectorAll(".reply-pick")];
const shown = () => picks().filter((pick) => !pick.hidden).map((pick) => pick.querySelector("a"));

function find() {
  const wanted = search.value.trim().toLowerCase();
  for (const pick of picks()) pick.hidden = !pick.dataset.find.includes(wanted);
  const none = place.querySelector("#replies-none");
  if (none) none.hidden = !picks().length || shown().length > 0;
  said.textContent = none?.hidden === false ? none.textContent : sentence("found", { count: shown().length });
}

function choose(pick) {
  const { body: text, form, formName, formWarning } = pick.dataset;
  dialog.close();
  body.setRangeText(text, body.selectionStart, body.selectionEnd, "end");
  body.dispatchEvent(new Event("input", { bubbles: true })); // stores the draft
  if (form) attach({ id: form, name: formName, warning: formWarning });
}

function attach(form) {
  attachedForm.value = form?.id ?? "";
  attachedForm.checked = Boolean(form);
  document.getElementById("attached-name").textContent = form?.name ?? "";
  document.getElementById("attached-warning").textContent = form?.warning ? `⚠ ${form.warning}` : "";
  attached.hidden = !form;
  stored.set(draft, form ? JSON.stringify(form) : "");
}

search.addEventListener("input", find);
dialog.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = shown();
  if (step) {
    event.preventDefault();
    const next = links.indexOf(document.activeElement) + step;
    (next < 0 ? search : links[Math.min(links.length - 1, next)])?.focus();
  } else if (event.key === "Enter" && event.target === search && !event.isComposing) {
    event.preventDefault();
    if (links[0]) choose(links[0]);
  }
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-closes]")) { event.preventDefault(); dialog.close(); }
  const pick = event.target.closest("[data-body]");
  if (!pick || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(pick);
});
dialog.addEventListener("close", () => body?.focus());
link?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openReplies();
});

// The attached form belongs to the draft: it survives a visit to another page, and is gone once the message was sent.
attachedForm?.addEventListener("change", () => { if (!attachedForm.checked) attach(null); });
reply?.addEventListener("sent", () => attach(null));
const earlier = JSON.parse(stored.get(draft) || "null");
if (attachedForm && attached.hidden && earlier && body.value) attach(earlier);
