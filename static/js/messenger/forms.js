// Forms inside the chat, each in a frame that reports its height.

import { postToHost } from "./host.js";
import { element, events, field, list, state, texts } from "./state.js";

const READY_MS = 5000;
const [LONGEST_MS, FORM] = [300_000, ".form > iframe"];
const unopened = []; // rows of forms that are opened with the panel

events.addEventListener("form-added", ({ detail: row }) => (state.isOpen ? openForm(row) : unopened.push(row)));
events.addEventListener("cleared", () => { unopened.length = 0; });
export const openForms = () => {
  for (const row of unopened.splice(0)) openForm(row);
};
const openForm = (row) => {
  const address = new URL(row.dataset.form, location.origin);
  if (document.documentElement.dataset.theme) address.searchParams.set("theme", document.documentElement.dataset.theme);
  if (state.parentOrigin) address.searchParams.set("from", state.parentOrigin);
  const frame = element("iframe", { title: texts.form, src: address });
  Object.assign(frame.dataset, { due: Date.now() + READY_MS, wait: READY_MS });
  frame.addEventListener("load", () => {
    greet(frame);
    try {
      frame.contentWindow.addEventListener("keydown", (event) => { if (event.key === "Escape") postToHost("close"); });
    } catch { /* it did not load: the browser shows its own page there */ }
  });
  row.prepend(frame);
};
// Tells a form the page that it is answered on; again when that changes.
const greet = (frame) =>
  frame.contentWindow.postMessage({ source: "assent", version: 1, type: "hello", page: state.page }, location.origin);
export const greetForms = () => list.querySelectorAll(FORM).forEach(greet);
// After an outage: loads forms again that did not report that they are ready.
events.addEventListener("polled", () => {
  for (const frame of list.querySelectorAll(`${FORM}[data-due]`)) {
    if (Date.now() < frame.dataset.due) continue;
    frame.dataset.wait = Math.min(2 * frame.dataset.wait, LONGEST_MS);
    frame.dataset.due = Date.now() + Number(frame.dataset.wait);
    frame.src = frame.src;
  }
});
// After the visitor unsubscribed elsewhere in the panel.
export const reloadForms = () => {
  for (const frame of list.querySelectorAll(FORM)) frame.src = frame.src;
};
export const handleFormMessage = (source, origin, data) => {
  if (origin !== location.origin) return;
  const frame = [...list.querySelectorAll(FORM)].find((each) => each.contentWindow === source);
  if (!frame) return;
  if (data.type === "height" && data.height > 0) frame.style.blockSize = `${data.height + 2}px`;
  if (data.type === "ready") delete frame.dataset.due;
  if (data.type === "ready" && data.title) frame.title = data.title;
  if (data.type === "submitted") frame.parentElement.querySelector("button")?.remove();
  if (data.type === "ready" && data.state === "saved") offerHelp(frame);
};
// For a saved number that is not the visitor's own: they write to an agent, who changes it.
const offerHelp = (frame) => {
  const button = element("button", { type: "button", textContent: texts.notMine });
  button.addEventListener("click", () => field.focus());
  if ("isNumber" in frame.parentElement.dataset && !frame.parentElement.querySelector("button")) frame.after(button);
};
