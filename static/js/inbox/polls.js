// Short polls by key: what changed since this page last asked.

import { announce, title } from "./announcements.js";
import { conversation, offline, root, say, state } from "./page.js";
import { replace } from "./parts.js";
import { takeConversation } from "./thread.js";

const ACTIVE_MS = 1000;
const IDLE_MS = 5000;
const IDLE_AFTER_MS = 60_000;
const REFRESH_MS = 30_000; // a form runs out, a consent changes elsewhere: nothing is said of it

let timer;
let running = false;
let refreshed = Date.now();

function pause() {
  if (state.failures) return Math.min(30_000, ACTIVE_MS * 2 ** state.failures) * (0.75 + Math.random() / 2);
  return document.hidden || Date.now() - state.lastAct > IDLE_AFTER_MS ? IDLE_MS : ACTIVE_MS;
}

export function next(after = pause()) {
  clearTimeout(timer);
  if (!document.hidden || !after || !isTimed(after)) timer = setTimeout(poll, after);
}

// While the page is hidden, which is when announcements matter, a worker counts the time: a page's own timers are late.
let clock;
function isTimed(after) {
  try {
    clock ??= started(new Worker(new URL("./clock.js", import.meta.url)));
    if (clock) clock.postMessage(after);
  } catch {
    clock = false; // no workers here: the page's timers have to do
  }
  return Boolean(clock);
}
function started(worker) {
  worker.addEventListener("message", () => { if (document.hidden) poll(); });
  worker.addEventListener("error", () => { clock = false; next(); });
  return worker;
}

export async function poll() {
  if (running) { state.again = true; return; }
  running = true;
  state.again = false;
  const query = new URLSearchParams(root.dataset.query);
  query.set("cursor", state.cursor);
  if (conversation) {
    query.set("conversation", conversation);
    query.set("after", state.revision);
  }
  const isRefresh = conversation && !document.hidden && Date.now() - refreshed >= REFRESH_MS;
  if (isRefresh) query.set("refresh", "yes");
  let news = null;
  try {
    const response = await fetch(`/inbox/poll?${query}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20_000) });
    if (response.status === 401) return signedOut();
    if (!response.ok) throw new Error(`status ${response.status}`);
    if (response.status === 200) news = await response.json();
    if (isRefresh) refreshed = Date.now();
    state.failures = 0;
    offline.hidden = true;
  } catch {
    state.failures = Math.min(state.failures + 1, 5);
    if (state.failures > 1) say(offline, "There is no connection. What you see may be old; it is tried again by itself.");
  } finally {
    running = false;
  }
  if (news) {
    state.cursor = news.cursor;
    next();
    take(news);
  }
  next(state.again ? 0 : pause());
}

function signedOut() {
  say(offline, "You are signed out. Reload the page to sign in again; keep what you have written.");
}

function take(news) {
  if (news.list) replace("chats", news.list);
  if (news.conversation) takeConversation(news.conversation);
  document.getElementById("chats").dataset.unread = news.unread;
  title(news.unread);
  announce(news.news);
}
