// Entry point of the live inbox: keyboard shortcuts and start of the polls. Without scripts, plain pages do the same.

import { showUnread } from "./announcements.js";
import "./list_place.js";
import { schedulePoll } from "./polls.js";
import { openPicker } from "./picker.js";
import { keys, openSettings } from "./preferences.js";
import { reportPresence } from "./presence.js";
import { openReplies } from "./replies.js";
import { body } from "./reply.js";
import { focusBy, select } from "./selection.js";
import { list, reply, root, state } from "./state.js";
import { scrollToEnd } from "./thread.js";
import { undo } from "./toast.js";

root.classList.add("is-live");
for (const element of document.querySelectorAll(".with-scripts")) element.hidden = false;

function write(kind) {
  if (!reply) return;
  const choice = document.getElementById(`kind-${kind}`);
  if (!choice.disabled && !choice.checked) choice.click(); // a draft of the other kind is stored as this one
  body.focus();
}

const shortcuts = {
  j: () => select(1),
  k: () => select(-1),
  r: () => write("message"),
  n: () => write("note"),
  i: openPicker,
  s: openReplies,
  e: () => document.querySelector("form[data-key=e]")?.requestSubmit(),
  z: undo,
  "?": openSettings,
  "/": () => document.getElementById("q").focus(),
};
document.addEventListener("keydown", (event) => {
  state.lastActionMs = Date.now();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const isInList = document.activeElement?.matches("[data-chat]");
  if (isInList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    focusBy(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!keys.checked || document.querySelector("dialog[open]") || event.target.closest("input, textarea, select, [contenteditable]")) return;
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
