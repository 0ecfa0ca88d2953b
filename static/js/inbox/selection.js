// The selected conversation of the list: j and k, and the next one after closing.

import { afterwards } from "./acts.js";
import { conversation } from "./state.js";
import { stored } from "./tab.js";

const OPEN_AFTER_MS = 250; // so that passing a conversation does not mark it as read

const rows = () => [...document.querySelectorAll("[data-chat]")];
const indexOf = (all, id) => all.findIndex((row) => row.dataset.chat === String(id));

let selected = null;
let timer;
export function select(step) {
  const all = rows();
  const focused = document.activeElement?.dataset.chat;
  const current = indexOf(all, selected ?? focused ?? conversation);
  const target = current < 0 ? (step > 0 ? 0 : all.length - 1) : current + step;
  clearTimeout(timer);
  if (target >= all.length) { follow("a[rel=next]", "first"); return; }
  if (target < 0) { follow("a[rel=prev]", "first"); return; }
  if (!all[target]) return;
  all[target].focus();
  selected = all[target].dataset.chat;
  timer = setTimeout(() => open(selected), OPEN_AFTER_MS);
}

export function focusBy(step) {
  const all = rows();
  const target = all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + step))];
  target?.focus();
}

function open(id) {
  const row = document.querySelector(`[data-chat="${id}"]`); // a poll may have replaced the list
  selected = null;
  if (!row || row.getAttribute("aria-current") === "page") return;
  stored.set("focus", "row");
  location.assign(row.href);
}

function follow(link, then) {
  const found = document.querySelector(`#chats ${link}`);
  if (!found) return;
  stored.set("focus", then);
  location.assign(found.href);
}

// The focus follows to the page that was opened by a key.
const focus = stored.take("focus");
const row = focus === "row" && document.querySelector("[data-chat][aria-current=page]");
if (row) row.focus({ preventScroll: true });
if (focus === "first") setTimeout(() => open(rows()[0]?.dataset.chat));

afterwards.e = (_form, done) => {
  if (!done) return; // reopened
  const all = rows();
  const current = indexOf(all, conversation);
  const next = all[current + 1] ?? all[current - 1];
  done.back = location.href;
  if (next && current >= 0) stored.set("focus", "row");
  setTimeout(() => location.assign((current >= 0 && next ? next : document.querySelector(".to-list")).href)); // after the toast is stored
};
