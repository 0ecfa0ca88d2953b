// Forms inside the chat, each in a frame of its own that says how high it is.

import { chat, element, field, list, log, say } from "./chat.js";
import { isAtEnd, toEnd, toTop } from "./lines.js";
import { tell } from "./page.js";

const READY_MS = 5000;
const [LONGEST_MS, FORM] = [300_000, ".form > iframe"];

export const openForm = (made) => {
  const address = new URL(made.dataset.form, location.origin);
  if (document.documentElement.dataset.theme) address.searchParams.set("theme", document.documentElement.dataset.theme);
  if (chat.parentOrigin) address.searchParams.set("from", chat.parentOrigin);
  const frame = element("iframe", { title: say.form, src: address });
  Object.assign(frame.dataset, { due: Date.now() + READY_MS, wait: READY_MS });
  frame.addEventListener("load", () => {
    frame.contentWindow.postMessage({ source: "assent", version: 1, type: "hello", page: chat.page }, location.origin);
    try {
      frame.contentWindow.addEventListener("keydown", (event) => { if (event.key === "Escape") tell("close"); });
    } catch { /* it did not load: what stands there is the browser's */ }
  });
  made.prepend(frame);
};
// The server answers: forms that did not load meanwhile, and never said that they are ready, are loaded again.
export const loadAgain = () => {
  for (const frame of list.querySelectorAll(`${FORM}[data-due]`)) {
    if (Date.now() < frame.dataset.due) continue;
    frame.dataset.wait = Math.min(2 * frame.dataset.wait, LONGEST_MS);
    frame.dataset.due = Date.now() + Number(frame.dataset.wait);
    frame.src = frame.src;
  }
};
export const ofForm = (source, origin, data) => {
  if (origin !== location.origin) return;
  const frame = [...list.querySelectorAll(FORM)].find((each) => each.contentWindow === source);
  if (!frame) return;
  const atEnd = isAtEnd();
  if (data.type === "height" && data.height > 0) {
    const isNew = !frame.style.blockSize;
    frame.style.blockSize = `${data.height + 2}px`;
    if (isNew && atEnd && data.height > log.clientHeight) return toTop(frame);
  }
  if (data.type === "ready") delete frame.dataset.due;
  if (data.type === "ready" && data.title) frame.title = data.title;
  if (data.type === "submitted") frame.parentElement.querySelector("button")?.remove();
  if (data.type === "ready" && data.state === "saved") offerHelp(frame);
  if (atEnd) toEnd();
};
// Whose number is not theirs says so here: an agent changes it.
const offerHelp = (frame) => {
  const button = element("button", { type: "button", textContent: say.notMine });
  button.addEventListener("click", () => field.focus());
  if ("isNumber" in frame.parentElement.dataset && !frame.parentElement.querySelector("button")) frame.after(button);
};
