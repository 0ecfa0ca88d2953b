// Reports that the open conversation is on the screen: it is then read, and other agents see who is viewing it.

import { showUnread } from "./announcements.js";
import { post } from "./api.js";
import { conversation, events, list, root, state } from "./state.js";
import { markSeen } from "./thread.js";

const REPORT_MS = 15_000;
const LEAVING_MS = 5000;

let lastReportMs = 0;
let leavingMs = 0; // when the browser began to load another page: it may not, as for a download
let reports = new AbortController();
export function reportPresence() {
  if (!conversation || root.dataset.newest !== "yes" || Date.now() - leavingMs < LEAVING_MS) return;
  lastReportMs = Date.now();
  post(root.dataset.here, { revision: state.revision }, { signal: reports.signal })
    .then((response) => { if (response.ok) markRead(); }).catch(() => {});
}

// A report that is still on its way must not arrive after this one, so none is sent once another page is loaded. The
// browser may show the page again later.
function reportLeaving() {
  reports.abort();
  reports = new AbortController();
  post(root.dataset.leave, {}, { keepalive: true }).catch(() => {});
}

// This page shows it immediately; other pages of this agent show it with their next change.
function markRead() {
  const row = document.querySelector(`[data-chat="${conversation}"]`)?.closest(".is-unread");
  if (!row) return;
  row.classList.remove("is-unread");
  for (const mark of row.querySelectorAll(".chat-name > *")) mark.remove();
  list().dataset.unread = Math.max(0, list().dataset.unread - (row.dataset.counts === "yes" ? 1 : 0));
  showUnread(Number(list().dataset.unread));
}

if (conversation) {
  markSeen(Number(root.dataset.seen));
  if (!document.hidden) reportPresence();
  events.addEventListener("messages-shown", reportPresence);
  setInterval(() => { if (!document.hidden && Date.now() - lastReportMs >= REPORT_MS) reportPresence(); }, 5000);
  addEventListener("beforeunload", () => { leavingMs = Date.now(); });
  addEventListener("pagehide", reportLeaving);
}
