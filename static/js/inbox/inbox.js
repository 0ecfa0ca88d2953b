// Entry point of the live inbox: keyboard shortcuts and start of the polls. Without scripts, plain pages do the same.

import { showUnread } from "./announcements.js";
import "./list_place.js";
import { schedulePoll } from "./polls.js";
import { keys } from "./preferences.js";
import { reportPresence } from "./presence.js";
import { body, insertButton, openInsert } from "./reply.js";
import { list, reply, state } from "./state.js";
import { scrollToEnd } from "./thread.js";

for (const element of document.querySelectorAll(".with-scripts")) element.hidden = false;

function move(step) {
  const rows = [...document.querySelectorAll("[data-chat]")];
  if (!rows.length) return;
  const focused = rows.findIndex((row) => row === document.activeElement);
  const open = rows.findIndex((row) => row.getAttribute("aria-current") === "page");
  const from = focused >= 0 ? focused : open >= 0 ? open : step > 0 ? -1 : rows.length;
  rows[Math.min(rows.length - 1, Math.max(0, from + step))].focus();
}

function write(kind) {
  if (!reply) return;
  const choice = document.getElementById(`kind-${kind}`);
  if (!choice.disabled) choice.checked = true;
  body.focus();
}

const shortcuts = {
  j: () => move(1),
  k: () => move(-1),
  r: () => write("message"),
  n: () => write("note"),
  i: () => (insertButton ? openInsert(true) : document.querySelector("[data-insert-page]")?.click()),
  e: () => document.querySelector("form[data-key=e]")?.requestSubmit(),
  "/": () => document.getElementById("q").focus(),
};
document.addEventListener("keydown", (event) => {
  state.lastActionMs = Date.now();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const isInList = document.activeElement?.matches("[data-chat]");
  if (isInList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!keys.checked || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const shortcut = shortcuts[event.key];
  if (shortcut) {
    event.preventDefault();
    shortcut();
  }
});
for (const kind of ["pointermove", "pointerdown", "focus"]) addEventListener(kind, () => { state.lastActionMs = Date.now(); }, { passive: true });
document.addEventListener("visibilitychange", () => {
  state.lastActionMs = Date.now();
  if (!document.hidden) { reportPresence(); schedulePoll(0); }
});
addEventListener("online", () => { state.failures = 0; schedulePoll(0); });

scrollToEnd(); // after hidden texts have appeared
showUnread(Number(list().dataset.unread));
schedulePoll();
