// The lines that are shown: in their order, once each, counted while they are unread.

import { chat, earlier, list, log, newer, say } from "./chat.js";
import { tell } from "./page.js";
import { queue } from "./sending.js";
import { call } from "./server.js";
import { about, row } from "./rows.js";

export const rows = new Map(); // "conversation:number" to what is known of the line, its row among it
export const known = new Map(); // conversation to the revision that was heard of
const seen = new Map(); // conversation to the last line seen, here or in another browser of this person
const older = new Set(); // conversations that have earlier lines
export const unopened = []; // rows of forms that wait for the panel to be opened
let unread = 0;

export const clear = () => {
  for (const each of [rows, known, seen, older]) each.clear();
  unopened.length = queue.length = 0;
  list.replaceChildren();
  newer.hidden = earlier.hidden = true;
  unread = 0;
  tellUnread();
};

export const heard = (conversations) => {
  if (!conversations.length) return count();
  const isFirst = known.size === 0;
  const atEnd = isAtEnd();
  let isNew = false;
  if (isFirst) log.setAttribute("aria-busy", "true"); // what was said before is not read out
  for (const { id, revision, seen: seenBefore, earlier: hasEarlier, messages } of conversations) {
    if (!known.has(id) && hasEarlier) older.add(id);
    known.set(id, revision);
    seen.set(id, Math.max(seen.get(id) || 0, seenBefore));
    for (const message of messages) isNew = show(id, message) || isNew;
  }
  earlier.hidden = !older.size;
  if (isFirst || (isNew && atEnd)) toEnd();
  else if (isNew) newer.hidden = false;
  if (isNew && !isFirst) chat.active = Date.now();
  if (isFirst) setTimeout(() => log.removeAttribute("aria-busy"), 100);
  count();
};

// True for a line of somebody else that was not there before.
const show = (conversation, message) => {
  if (rows.has(`${conversation}:${message.number}`)) return false;
  const pending = message.client_key && queue.find((item) => item.key === message.client_key);
  const isTheirs = message.from !== "visitor";
  if (pending) about(pending.row, message);
  place({ conversation, number: message.number, at: message.at, isTheirs, row: pending ? pending.row : row(message) });
  return isTheirs;
};
// Within a conversation lines go by number, between conversations by time; what is not sent yet stays at the end.
export const place = (line) => {
  const isAfter = (other) =>
    other.conversation === line.conversation ? other.number > line.number : other.at > line.at;
  const lines = [...rows.values()].filter(isAfter);
  const before = lines.reduce((first, each) =>
    (!first || first.row.compareDocumentPosition(each.row) & Node.DOCUMENT_POSITION_PRECEDING ? each : first), null);
  const unsent = [...list.children].find((each) => each.dataset.key && each !== line.row);
  delete line.row.dataset.key;
  rows.set(`${line.conversation}:${line.number}`, line);
  list.insertBefore(line.row, before ? before.row : unsent ?? null);
};

export const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
export const toEnd = () => {
  newer.hidden = true;
  requestAnimationFrame(() => { log.scrollTop = log.scrollHeight; });
};
// A form that is taller than the panel is read from its beginning.
export const toTop = (made) => {
  log.scrollTop += made.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
};

// Unread are the lines of others after the last one that was seen.
export const count = () => {
  if (chat.isOpen && !document.hidden) tellSeen();
  unread = [...rows.values()].filter((line) => line.isTheirs && line.number > (seen.get(line.conversation) || 0)).length;
  tellUnread();
};
export const tellUnread = () =>
  tell("unread", { count: unread, label: unread ? say.launchUnread.replace("{count}", unread) : say.launch });
const tellSeen = () => {
  const told = {};
  for (const { conversation, number, isTheirs } of rows.values()) {
    if (isTheirs && number > Math.max(seen.get(conversation) || 0, told[conversation] || 0)) told[conversation] = number;
  }
  if (!Object.keys(told).length) return;
  const mine = chat.life;
  const before = new Map(seen);
  for (const [conversation, number] of Object.entries(told)) seen.set(Number(conversation), number);
  call("POST", "seen", { seen: told }).catch(() => {
    if (mine === chat.life) for (const [conversation, number] of before) seen.set(conversation, number);
  });
};
export const showEarlier = async () => {
  const [top, height] = [log.scrollTop, log.scrollHeight];
  for (const conversation of [...older]) {
    const before = Math.min(...[...rows.values()].filter((line) => line.conversation === conversation).map((line) => line.number));
    const answer = await call("GET", `earlier?conversation=${conversation}&before=${before}`).catch(() => null);
    if (!answer) return;
    if (!answer.earlier) older.delete(conversation);
    for (const message of answer.messages) show(conversation, message);
  }
  earlier.hidden = !older.size;
  log.scrollTop = top + log.scrollHeight - height;
  log.focus();
};
