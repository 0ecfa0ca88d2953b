// Polls for changes since the last poll, by cursor.

import { announce, showUnread } from "./announcements.js";
import { replace } from "./dom.js";
import { conversation, list, offline, root, setText, state } from "./state.js";
import { sentence } from "./texts.js";
import { showConversation } from "./thread.js";

const ACTIVE_MS = 1000;
const IDLE_MS = 5000;
const IDLE_AFTER_MS = 60_000;
const REFRESH_MS = 30_000; // forms expire and consents change elsewhere, without a change of the conversation

let timer;
let isPolling = false;
let refreshedMs = Date.now();

function pauseMs() {
  if (state.failures) return Math.min(30_000, ACTIVE_MS * 2 ** state.failures) * (0.75 + Math.random() / 2);
  return document.hidden || Date.now() - state.lastActionMs > IDLE_AFTER_MS ? IDLE_MS : ACTIVE_MS;
}

export function schedulePoll(afterMs = pauseMs()) {
  clearTimeout(timer);
  if (!document.hidden || !afterMs || !startWorkerTimer(afterMs)) timer = setTimeout(poll, afterMs);
}

// Announcements matter while the page is hidden, when its own timers are slow: a worker's timer is used then.
let worker;
function startWorkerTimer(afterMs) {
  try {
    worker ??= createWorker();
    if (worker) worker.postMessage(afterMs);
  } catch {
    worker = false; // no workers here: use the page's timers
  }
  return Boolean(worker);
}
function createWorker() {
  const created = new Worker(new URL("./timer_worker.js", import.meta.url));
  created.addEventListener("message", () => { if (document.hidden) poll(); });
  created.addEventListener("error", () => { worker = false; schedulePoll(); });
  return created;
}

export async function poll() {
  if (isPolling) { state.pollAgain = true; return; }
  isPolling = true;
  state.pollAgain = false;
  const address = new URL(root.dataset.poll, location.href);
  address.searchParams.set("cursor", state.cursor);
  if (conversation) {
    address.searchParams.set("conversation", conversation);
    address.searchParams.set("after", state.revision);
  }
  const isRefresh = conversation && !document.hidden && Date.now() - refreshedMs >= REFRESH_MS;
  if (isRefresh) address.searchParams.set("refresh", "yes");
  let news = null;
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20_000) });
    if (response.status === 401) return showSignedOut();
    if (!response.ok) throw new Error(`status ${response.status}`);
    if (response.status === 200) news = await response.json();
    if (isRefresh) refreshedMs = Date.now();
    state.failures = 0;
    offline.hidden = true;
  } catch {
    state.failures = Math.min(state.failures + 1, 5);
    if (state.failures > 1) setText(offline, sentence("no_connection"));
  } finally {
    isPolling = false;
  }
  if (news) {
    state.cursor = news.cursor;
    schedulePoll();
    show(news);
  }
  schedulePoll(state.pollAgain ? 0 : pauseMs());
}

function showSignedOut() {
  setText(offline, sentence("reload"));
}

function show(news) {
  if (news.list) replace("chats", news.list);
  if (news.waiting) replace("waiting", news.waiting);
  if (news.conversation) showConversation(news.conversation);
  list().dataset.unread = news.unread;
  showUnread(news.unread);
  announce(news.news);
}
