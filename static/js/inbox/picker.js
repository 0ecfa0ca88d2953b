// The form picker: the page of saved forms in a dialog, with search and a preview of the chosen one.

import { afterwards } from "./acts.js";
import { parse } from "./dom.js";
import { body } from "./reply.js";
import { sentence } from "./texts.js";

const PREVIEW_AFTER_MS = 120;
const dialog = document.getElementById("picker-dialog");
const search = document.getElementById("picker-q");
const place = document.getElementById("picker-place");
const said = document.getElementById("picker-said");
const link = document.querySelector("[data-picker]");

// The dialog opens before its forms arrive, so that what is typed meanwhile is a search and no shortcut.
export async function openPicker() {
  if (!link || dialog.open) return;
  search.value = "";
  place.textContent = sentence("loading");
  dialog.showModal();
  search.focus();
  let picker = null;
  try {
    const response = await fetch(link.href, { signal: AbortSignal.timeout(10_000) });
    if (response.ok && !response.redirected) picker = parse(await response.text()).querySelector("#picker");
  } catch { /* the page says so itself */ }
  if (!picker) { location.assign(link.href); return; }
  for (const each of picker.querySelectorAll(".without-scripts")) each.remove();
  picker.querySelector("[data-closes]").addEventListener("click", (event) => { event.preventDefault(); close(); });
  picker.addEventListener("change", showChosen);
  place.replaceChildren(picker);
  find();
}

const picks = () => [...place.querySelectorAll(".pick")];
const radioOf = (pick) => pick?.querySelector("input");
const shown = () => picks().filter((pick) => !pick.hidden);
const chosen = () => shown().find((pick) => radioOf(pick).checked);

function choose(pick) {
  if (!pick) return;
  radioOf(pick).checked = true;
  pick.scrollIntoView({ block: "nearest" });
  // The focus stays in the search field: without this, a screen reader does not say what the next Enter sends.
  const parts = [pick.querySelector("label"), pick.querySelector(".wrong")].filter(Boolean);
  said.textContent = sentence("chosen", { name: parts.map((part) => part.textContent).join(". ") });
  showChosen();
}

let timer;
function showChosen() {
  const radio = radioOf(chosen());
  const send = place.querySelector("[data-label]");
  if (!send) return;
  send.textContent = radio?.dataset.warned === undefined ? send.dataset.label : send.dataset.labelWarned;
  clearTimeout(timer);
  timer = setTimeout(() => {
    const frame = place.querySelector(".picked");
    place.querySelector("#picked-hint").hidden = Boolean(radio);
    frame.classList.toggle("is-shown", Boolean(radio));
    if (radio && frame.getAttribute("src") !== radio.dataset.preview) frame.src = radio.dataset.preview;
  }, PREVIEW_AFTER_MS);
}

function find() {
  const wanted = search.value.trim().toLowerCase();
  for (const pick of picks()) {
    pick.hidden = !pick.dataset.text.includes(wanted);
    if (pick.hidden) radioOf(pick).checked = false;
  }
  const none = place.querySelector("#picks-none");
  if (none) none.hidden = !picks().length || shown().length > 0;
  said.textContent = none?.hidden === false ? none.textContent : sentence("found", { count: shown().length });
  showChosen();
}

function close() {
  dialog.close();
}

search.addEventListener("input", find);
search.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = shown();
  if (step) {
    event.preventDefault();
    choose(rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(chosen()) + step))]);
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault(); // the first Enter chooses, the second sends
    if (chosen()) place.querySelector("#picker").requestSubmit();
    else choose(rows[0]);
  }
});
dialog.addEventListener("close", () => body?.focus());
dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
afterwards.picker = close;
link?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPicker();
});
