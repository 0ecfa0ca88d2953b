// The inbox, live: short polls by key, no reload. Everything works without this, as plain pages. Here is what keys do.

import { title } from "./announcements.js";
import { reply, state } from "./page.js";
import { next } from "./polls.js";
import { here } from "./presence.js";
import { body, insertButton, openInsert } from "./reply.js";
import { keys } from "./wishes.js";

for (const only of document.querySelectorAll(".with-scripts")) only.hidden = false;

function move(step) {
  const rows = [...document.querySelectorAll("[data-chat]")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row === document.activeElement);
  const open = rows.findIndex((row) => row.getAttribute("aria-current") === "page");
  const from = now >= 0 ? now : open >= 0 ? open : step > 0 ? -1 : rows.length;
  rows[Math.min(rows.length - 1, Math.max(0, from + step))].focus();
}

function write(kind) {
  if (!reply) return;
  document.getElementById(`kind-${kind}`).checked = true;
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
  state.lastAct = Date.now();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inList = document.activeElement?.matches("[data-chat]");
  if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!keys.checked || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const wanted = shortcuts[event.key];
  if (wanted) {
    event.preventDefault();
    wanted();
  }
});
for (const kind of ["pointermove", "pointerdown", "focus"]) addEventListener(kind, () => { state.lastAct = Date.now(); }, { passive: true });
document.addEventListener("visibilitychange", () => {
  state.lastAct = Date.now();
  if (!document.hidden) { here(); next(0); }
});
addEventListener("online", () => { state.failures = 0; next(0); });

title(Number(document.getElementById("chats").dataset.unread));
next();
