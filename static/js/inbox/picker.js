// The form picker: the page of saved forms in a dialog, with search and a preview of the chosen one.

import { afterwards } from "./acts.js";
import { parse } from "./dom.js";
import { body } from "./reply.js";

const PREVIEW_AFTER_MS = 120;
const dialog = document.getElementById("picker-dialog");
const link = document.querySelector("[data-picker]");

export async function openPicker() {
  if (!link || dialog.open) return;
  let picker = null;
  try {
    const response = await fetch(link.href, { signal: AbortSignal.timeout(10_000) });
    if (response.ok && !response.redirected) picker = parse(await response.text()).querySelector("#picker");
  } catch { /* the page says so itself */ }
  if (!picker) { location.assign(link.href); return; }
  for (const each of picker.querySelectorAll(".with-scripts")) each.hidden = false;
  for (const each of picker.querySelectorAll(".without-scripts")) each.remove();
  dialog.replaceChildren(picker);
  prepare(picker);
  dialog.showModal();
  picker.querySelector("#picker-q").focus();
}

function prepare(picker) {
  const search = picker.querySelector("#picker-q");
  const picks = [...picker.querySelectorAll(".pick")];
  const radioOf = (pick) => pick.querySelector("input");
  const shown = () => picks.filter((pick) => !pick.hidden);
  const chosen = () => shown().find((pick) => radioOf(pick).checked);

  function choose(pick) {
    if (!pick) return;
    radioOf(pick).checked = true;
    pick.scrollIntoView({ block: "nearest" });
    showChosen();
  }

  let timer;
  function showChosen() {
    const radio = chosen() && radioOf(chosen());
    const send = picker.querySelector("[data-label]");
    if (send) send.textContent = radio?.dataset.warned === undefined ? send.dataset.label : send.dataset.labelWarned;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const frame = picker.querySelector(".picked");
      if (!frame) return;
      picker.querySelector("#picked-hint").hidden = Boolean(radio);
      frame.classList.toggle("is-shown", Boolean(radio));
      if (radio && frame.getAttribute("src") !== radio.dataset.preview) frame.src = radio.dataset.preview;
    }, PREVIEW_AFTER_MS);
  }

  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const pick of picks) {
      pick.hidden = !pick.dataset.text.includes(wanted);
      if (pick.hidden) radioOf(pick).checked = false;
    }
    picker.querySelector("#picks-none").hidden = !picks.length || shown().length > 0;
    showChosen();
  });
  search.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = shown();
    if (step) {
      event.preventDefault();
      choose(rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(chosen()) + step))]);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault(); // the first Enter chooses, the second sends
      if (chosen()) picker.requestSubmit();
      else choose(rows[0]);
    }
  });
  picker.addEventListener("change", showChosen);
  picker.querySelector("[data-closes]").addEventListener("click", (event) => { event.preventDefault(); close(); });
}

function close() {
  dialog.close();
  body?.focus();
}

dialog.addEventListener("cancel", () => body?.focus());
dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
afterwards.picker = close;
link?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPicker();
});
