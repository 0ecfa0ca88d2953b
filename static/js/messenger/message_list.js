// The messages on the screen: in order, each once, and how many are unread.

import { call } from "./api.js";
import { postToHost } from "./host.js";
import { createRow, showAbout } from "./message_row.js";
import { earlier, emit, list, log, newer, queue, state, texts } from "./state.js";

export const messages = new Map(); // "conversation:number" to the message, with its row
export const revisions = new Map(); // conversation to its last known revision
const seen = new Map(); // conversation to the last message seen, here or in another browser of this person
const withEarlier = new Set(); // conversations that have earlier messages
let unread = 0;

export const clear = () => {
  for (const each of [messages, revisions, seen, withEarlier]) each.clear();
  queue.length = 0;
  emit("cleared");
  list.replaceChildren();
  newer.hidden = earlier.hidden = true;
  unread = 0;
  postUnread();
};

export const showNews = (conversations) => {
  if (!conversations.length) return countUnread();
  const isFirst = revisions.size === 0;
  const isAway = follows === NOTHING;
  let isNew = false;
  if (isFirst) log.setAttribute("aria-busy", "true"); // screen readers do not read out the history
  for (const { id, revision, seen: seenBefore, earlier: hasEarlier, messages: changed } of conversations) {
    if (!revisions.has(id) && hasEarlier) withEarlier.add(id);
    revisions.set(id, revision);
    seen.set(id, Math.max(seen.get(id) || 0, seenBefore));
    for (const message of changed) isNew = show(id, message) || isNew;
  }
  earlier.hidden = !withEarlier.size;
  if (isFirst || (isNew && !isAway)) showNewest();
  else if (isNew) newer.hidden = false;
  if (isNew && !isFirst) state.lastActiveMs = Date.now();
  if (isFirst) setTimeout(() => log.removeAttribute("aria-busy"), 100);
  countUnread();
};

// Returns true if this is a new message of the office.
const show = (conversation, message) => {
  if (messages.has(`${conversation}:${message.number}`)) return false;
  const pending = message.client_key && queue.find((item) => item.key === message.client_key);
  const isTheirs = message.from !== "visitor";
  if (pending) showAbout(pending.row, message);
  place({ conversation, number: message.number, at: message.at, isTheirs, row: pending ? pending.row : createRow(message) });
  return isTheirs;
};
// Orders by number within a conversation and by time between conversations. Unsent messages stay at the end.
export const place = (message) => {
  const isAfter = (other) =>
    other.conversation === message.conversation ? other.number > message.number : other.at > message.at;
  const following = [...messages.values()].filter(isAfter);
  const next = following.reduce((first, each) =>
    (!first || first.row.compareDocumentPosition(each.row) & Node.DOCUMENT_POSITION_PRECEDING ? each : first), null);
  const unsent = [...list.children].find((each) => each.dataset.key && each !== message.row);
  delete message.row.dataset.key;
  messages.set(`${message.conversation}:${message.number}`, message);
  list.insertBefore(message.row, next ? next.row : unsent ?? null);
};

// What stays in view while messages and forms change their height: the newest message, a form that is taller than the
// panel from its top; or the end, where the visitor scrolled to; or what the visitor scrolled to elsewhere.
const [NEWEST, END, NOTHING] = ["newest", "end", ""];
const PADDING = 16; // of the log
let follows = NEWEST;
let placedAt = 0;
export const showNewest = () => {
  newer.hidden = true;
  follows = NEWEST;
  follow();
};
const follow = () => {
  const last = list.lastElementChild;
  if (follows === NEWEST && last && last.offsetHeight > log.clientHeight - 2 * PADDING) {
    log.scrollTop += last.getBoundingClientRect().top - log.getBoundingClientRect().top - PADDING;
  } else if (follows) {
    log.scrollTop = log.scrollHeight;
  }
  placedAt = log.scrollTop;
};
const resizeObserver = new ResizeObserver(follow);
for (const each of [log, list]) resizeObserver.observe(each);
log.addEventListener("scroll", () => {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  if (isAtEnd) newer.hidden = true;
  if (Math.abs(log.scrollTop - placedAt) > 1) follows = isAtEnd ? END : NOTHING;
});

// Unread: messages of the office after the last one that was seen.
export const countUnread = () => {
  if (state.isOpen && !document.hidden) reportSeen();
  unread = [...messages.values()].filter((each) => each.isTheirs && each.number > (seen.get(each.conversation) || 0)).length;
  postUnread();
};
export const postUnread = () => {
  const count = unread + state.unreadGreetings;
  postToHost("unread", { count, label: count ? texts.launchUnread.replace("{count}", count) : texts.launch });
};
const reportSeen = () => {
  const newlySeen = {};
  for (const { conversation, number, isTheirs } of messages.values()) {
    if (isTheirs && number > Math.max(seen.get(conversation) || 0, newlySeen[conversation] || 0)) newlySeen[conversation] = number;
  }
  if (!Object.keys(newlySeen).length) return;
  const { generation } = state;
  const before = new Map(seen);
  for (const [conversation, number] of Object.entries(newlySeen)) seen.set(Number(conversation), number);
  call("POST", "seen", { seen: newlySeen }).catch(() => {
    if (generation === state.generation) for (const [conversation, number] of before) seen.set(conversation, number);
  });
};
export const showEarlier = async () => {
  const [top, height] = [log.scrollTop, log.scrollHeight];
  for (const conversation of [...withEarlier]) {
    const before = Math.min(...[...messages.values()].filter((each) => each.conversation === conversation).map((each) => each.number));
    const response = await call("GET", `earlier?conversation=${conversation}&before=${before}`).catch(() => null);
    if (!response) return;
    if (!response.earlier) withEarlier.delete(conversation);
    for (const message of response.messages) show(conversation, message);
  }
  earlier.hidden = !withEarlier.size;
  log.scrollTop = top + log.scrollHeight - height;
  log.focus();
};
