// The lines of the open conversation.

import { announcer, lines, root, state, thread } from "./page.js";
import { made, replace } from "./parts.js";
import { here } from "./presence.js";

export function takeConversation(news) {
  state.revision = news.revision;
  for (const field of document.querySelectorAll("input[name=revision]")) field.value = state.revision;
  const wasAtEnd = isAtEnd();
  const spoken = [];
  document.getElementById("line-seen")?.remove(); // so that a line that stays as it is compares so
  for (const line of news.lines) if (root.dataset.newest === "yes" || has(line.number)) put(line, spoken);
  markSeen(news.seen);
  replace("chat-head", news.head);
  if (!document.getElementById("panel").contains(document.activeElement) || document.activeElement.tagName !== "SELECT") replace("panel", news.panel);
  if (spoken.length) announcer.textContent = spoken.join(". ");
  if (wasAtEnd) toEnd();
  if (!document.hidden) here();
  if (news.is_more) state.again = true;
}

function has(number) {
  return document.getElementById(`line-${number}`) !== null;
}

function put(line, spoken) {
  const fresh = made(line.html).firstElementChild;
  const old = document.getElementById(fresh.id);
  if (old) {
    if (old.outerHTML === fresh.outerHTML) return;
    const wasOpen = old.querySelector("details")?.open;
    old.replaceWith(fresh);
    if (wasOpen && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  } else {
    const later = [...lines.children].find((each) => Number(each.dataset.number) > line.number);
    lines.insertBefore(fresh, later ?? null);
  }
  const stateOf = (shown) => shown?.querySelector(".form-card")?.dataset.state;
  if (fresh.dataset.kind === "form" && stateOf(old) !== stateOf(fresh)) spoken.push(`${fresh.querySelector("article").getAttribute("aria-label")}, ${fresh.querySelector(".state").textContent.trim()}`);
  else if (fresh.dataset.kind !== "form" && fresh.dataset.side === "contact") spoken.push(`${fresh.dataset.author}: ${fresh.querySelector(".line-text").textContent.trim().slice(0, 300)}`);
}

export function markSeen(number) {
  if (!lines) return;
  document.getElementById("line-seen")?.remove();
  const seen = [...lines.querySelectorAll("[data-side=agent]")].filter((each) => each.dataset.kind !== "note" && Number(each.dataset.number) <= number).pop();
  if (!seen) return;
  const mark = document.createElement("p");
  mark.id = "line-seen";
  mark.className = "small quiet";
  mark.textContent = `Seen by ${root.dataset.contact}`;
  seen.append(mark);
}

// The box begins at its end, and counts upwards from there.
function isAtEnd() {
  return thread ? -thread.scrollTop < 80 : false;
}

export function toEnd() {
  if (thread) thread.scrollTop = 0;
}
