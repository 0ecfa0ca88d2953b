// Who has the conversation on the screen has read it, and the others see that they are there.

import { title } from "./announcements.js";
import { conversation, root, state } from "./page.js";
import { post } from "./server.js";
import { markSeen, toEnd } from "./thread.js";

const HERE_MS = 15_000;

let lastHere = 0;
export function here() {
  if (!conversation || root.dataset.newest !== "yes") return;
  lastHere = Date.now();
  post(`/inbox/${conversation}/here`, { revision: state.revision }).then((response) => { if (response.ok) read(); }).catch(() => {});
}

// The list says so at once; other pages of this agent with their next change.
function read() {
  const row = document.querySelector(`[data-chat="${conversation}"]`)?.closest(".is-unread");
  if (!row) return;
  row.classList.remove("is-unread");
  for (const mark of row.querySelectorAll(".chat-name > *")) mark.remove();
  const chats = document.getElementById("chats");
  chats.dataset.unread = Math.max(0, chats.dataset.unread - (row.dataset.counts === "yes" ? 1 : 0));
  title(Number(chats.dataset.unread));
}

if (conversation) {
  toEnd();
  markSeen(Number(root.dataset.seen));
  if (!document.hidden) here();
  setInterval(() => { if (!document.hidden && Date.now() - lastHere >= HERE_MS) here(); }, 5000);
  addEventListener("pagehide", () => post(`/inbox/${conversation}/leave`, {}, { keepalive: true }).catch(() => {}));
}
