// Entry point of the messenger's panel, in its frame. It stores nothing: the host page keeps the token, the server the
// rest. Loading only reads; only actions of the visitor write.

import { greetForms, handleFormMessage, openForms } from "./forms.js";
import { greetOnOpen, greetOnPage, loadGreeted, seeGreeting } from "./greetings.js";
import { listen, postToHost } from "./host.js";
import { begin, signIn } from "./identity.js";
import { countUnread, postUnread, showEarlier, showNewest } from "./message_list.js";
import { poll, schedulePoll } from "./polls.js";
import { loadUnsent, unsent, write } from "./sending.js";
import { closeSubscriptions, isShown } from "./subscriptions.js";
import { byId, earlier, events, field, newer, state, texts } from "./state.js";

const asToken = (value) => (typeof value === "string" && /^t_[\w-]{43}$/.test(value) ? value : null);
const asPage = (value) => String(value || "").slice(0, 500);

listen({
  hello(data) {
    [state.token, state.identity, state.page] = [asToken(data.token), data.identity || null, asPage(data.page)];
    state.onPageSinceMs = Date.now();
    loadGreeted(data.greeted);
    loadUnsent(data.unsent);
    state.isProven = !unsent.size; // a first message of the page before may still be on its way
    postToHost("ready", { accent: texts.accent, on: texts.on, title: document.title });
    postUnread();
    begin();
  },
  token(data) {
    const token = asToken(data.token);
    if (token !== state.token) {
      const wasAnonymous = state.token && !state.session;
      [state.token, state.isProven, state.isChosenHere] = [token, false, false];
      if (wasAnonymous) { // another page of this visitor signed out, or began again
        loadUnsent(data.unsent);
        begin();
      }
      else if (token && !state.isSending) setTimeout(poll, 1500); // another page of this visitor is sending its first message
    }
    state.tokenConfirmed();
  },
  identity(data) {
    if (JSON.stringify(state.identity) === JSON.stringify(data.identity || null)) return;
    state.identity = data.identity || null;
    begin();
  },
  page(data) {
    [state.page, state.onPageSinceMs] = [asPage(data.page), Date.now()];
    greetForms();
    greetOnPage();
  },
  open() {
    state.isOpen = true;
    showPanel();
  },
  close() {
    state.isOpen = false;
    schedulePoll();
  },
}, handleFormMessage);
events.addEventListener("begun", () => (state.isOpen ? showPanel() : poll()));

const showPanel = async () => {
  state.lastActiveMs = Date.now();
  if (isShown()) byId("subscriptions-title").focus();
  else if (matchMedia("(hover: hover)").matches) field.focus();
  else byId("close").focus();
  if (state.isStale) await signIn().catch(() => {});
  openForms();
  seeGreeting();
  greetOnOpen();
  countUnread();
  showNewest();
  poll();
};

const grow = () => {
  field.dir = field.value ? "auto" : ""; // the text has its own direction, the placeholder that of the page
  if (CSS.supports("field-sizing", "content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + 2}px`;
};

byId("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  field.focus();
  if (!text) return;
  field.value = "";
  grow();
  write(text);
});
field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  // Safari reports the Enter that ends a conversion by an input method as not composing, with the key code 229.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  byId("write").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (isShown()) closeSubscriptions();
  else postToHost("close");
});
byId("close").addEventListener("click", () => postToHost("close"));
newer.addEventListener("click", showNewest);
earlier.addEventListener("click", showEarlier);
