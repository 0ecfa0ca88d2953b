// The messages of the open conversation.

import { parse, replace, swap } from "./dom.js";
import { events, messages, reply, root, say, state, thread } from "./state.js";
import { sentence } from "./texts.js";

export function showConversation(news) {
  state.revision = news.revision;
  for (const field of document.querySelectorAll("input[name=revision]")) field.value = state.revision;
  const wasAtEnd = isAtEnd();
  document.getElementById("line-seen")?.remove(); // so that a message is compared without it
  for (const message of news.messages) if (root.dataset.newest === "yes" || isShown(message.number)) showMessage(message);
  markSeen(news.seen);
  replace("chat-head", news.head);
  if (!isPanelInUse()) replace("panel", news.panel);
  if (wasAtEnd) scrollToEnd();
  if (!document.hidden) events.dispatchEvent(new Event("messages-shown"));
  if (news.is_more) state.pollAgain = true;
}

// Whether an agent is choosing or writing something there.
function isPanelInUse() {
  const panel = document.getElementById("panel");
  return panel.querySelector(".switch-note:not([hidden])") || (panel.contains(document.activeElement) && document.activeElement.tagName === "SELECT");
}

function isShown(number) {
  return document.getElementById(`line-${number}`) !== null;
}

// Adds a message, or replaces the one with its number, and says what is new. An own message is known, so only that it is sent.
function showMessage(message) {
  const fresh = parse(message.html).firstElementChild;
  const old = document.getElementById(fresh.id);
  if (old) {
    if (old.outerHTML === fresh.outerHTML) return;
    const wasOpen = old.querySelector("details")?.open;
    swap(old, fresh);
    if (wasOpen && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  } else {
    const later = [...messages.children].find((each) => Number(each.dataset.number) > message.number);
    messages.insertBefore(fresh, later ?? null);
  }
  const stateOf = (element) => element?.querySelector(".form-card")?.dataset.state;
  if (fresh.dataset.kind === "form" && stateOf(old) !== stateOf(fresh)) say(`${fresh.querySelector("article").getAttribute("aria-label")}, ${fresh.querySelector(".state").textContent.trim()}`);
  else if (!old && fresh.querySelector(".line-text")) {
    const text = fresh.querySelector(".line-text").textContent.trim();
    const author = [fresh.dataset.author, fresh.querySelector(".note-word")?.textContent].filter(Boolean).join(", ");
    if (fresh.dataset.side === "agent" && text === state.sent) say(sentence("sent"));
    else say(`${author}: ${text.slice(0, 300)}`);
  }
}

export function markSeen(number) {
  if (!messages) return;
  document.getElementById("line-seen")?.remove();
  const seen = [...messages.querySelectorAll("[data-side=agent]")].filter((each) => each.dataset.kind !== "note" && Number(each.dataset.number) <= number).pop();
  if (!seen) return;
  const mark = document.createElement("p");
  mark.id = "line-seen";
  mark.className = "small quiet";
  mark.textContent = root.dataset.seenBy;
  seen.append(mark);
}

// On wide pages the thread scrolls by itself, and the style sheet reverses it: its scroll position is 0 at the end and
// negative above. On narrow ones the whole page scrolls, and the end is where the reply form is on the screen.
function scrollsByItself() {
  return getComputedStyle(thread).overflowY === "auto";
}

function isAtEnd() {
  if (!thread) return false;
  return scrollsByItself() ? -thread.scrollTop < 80 : reply.getBoundingClientRect().bottom < innerHeight + 80;
}

export function scrollToEnd() {
  if (!thread) return;
  if (scrollsByItself()) thread.scrollTop = 0;
  else if (root.dataset.newest === "yes") reply.scrollIntoView({ block: "end" });
}
