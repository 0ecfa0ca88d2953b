// Greetings of bots: shown as a message, stored once the visitor acts on them. The host page remembers them.

import { call } from "./api.js";
import { postToHost } from "./host.js";
import { postUnread, showNewest } from "./message_list.js";
import { createRow } from "./message_row.js";
import { poll } from "./polls.js";
import { chooseToken, randomText } from "./sending.js";
import { bearer, element, emit, events, list, state, texts } from "./state.js";

const triggers = texts.triggers.split(" ");
const [KEPT, SHOWN_AGAIN_S] = [100, 24 * 3600];
let greeted = []; // { rule, at (seconds), page, isSeen, isDone }, the newest last
let [timer, row] = [null, null];
let asking = Promise.resolve();

const now = () => Math.round(Date.now() / 1000);
const keep = () => {
  greeted = greeted.slice(-KEPT);
  postToHost("greeted", { items: greeted });
};
export const loadGreeted = (items) => {
  greeted = (Array.isArray(items) ? items : []).filter((each) => each && Number.isInteger(each.rule) && Number.isInteger(each.at));
};
const entryOf = (rule) => greeted.find((each) => each.rule === rule);
const pending = () => greeted.findLast((each) => !each.isDone && now() - each.at < SHOWN_AGAIN_S);

// One question after the other, so that no two greetings are shown.
const ask = (trigger) => (asking = asking.then(() => request(trigger)).catch(() => {}));
export const greetOnPage = () => {
  clearTimeout(timer);
  ask("page");
};
export const greetOnOpen = () => ask("open");

const request = async (trigger) => {
  const before = pending();
  if (state.greeting || (!before && !triggers.includes(trigger))) return;
  const { generation, page } = state;
  const query = new URLSearchParams({
    trigger, page, lang: document.documentElement.lang, seconds: Math.round((Date.now() - state.onPageSinceMs) / 1000),
    greeted: greeted.map(({ rule, at }) => `${rule}:${at}`).join(),
  });
  if (before) query.set("shown", before.rule);
  const { greeting, wait_s: waitS } = await call("GET", `greeting?${query}`);
  if (generation !== state.generation || page !== state.page) return;
  if (before && greeting?.rule !== before.rule) { // it was stored, or is no longer given
    before.isDone = true;
    keep();
  }
  if (greeting) show(greeting, page);
  else if (waitS && trigger === "page") timer = setTimeout(greetOnPage, waitS * 1000);
};

const show = ({ rule, text, form }, page) => {
  let entry = entryOf(rule);
  if (!entry) {
    entry = { rule, at: now(), page, isSeen: false, isDone: false };
    greeted.push(entry);
    if (bearer()) call("POST", "greeted", { rule }).catch(() => {});
  }
  state.greeting = { rule, page: entry.page };
  row = createRow({ from: "office", text, at: entry.at * 1000 });
  row.dataset.greeting = rule;
  if (form) row.querySelector(".about").before(offerOf(form));
  list.append(row);
  entry.isSeen ||= state.isOpen;
  keep();
  state.unreadGreetings = entry.isSeen ? 0 : 1;
  postUnread();
  showNewest();
};
const offerOf = ({ title, button, lang }) => {
  const label = element("span", { className: "go", lang, dir: "auto" }, button);
  const offer = element("button", { type: "button", className: "offer" }, element("strong", { lang, dir: "auto" }, title), label);
  const key = randomText(16);
  offer.addEventListener("click", () => press(offer, key));
  return offer;
};

export const seeGreeting = () => {
  state.unreadGreetings = 0;
  if (!state.greeting) return;
  entryOf(state.greeting.rule).isSeen = true;
  keep();
};

// The server stores the greeting and inserts the form, which the next poll brings.
const press = async (offer, key) => {
  if (offer.getAttribute("aria-disabled") === "true") return;
  offer.setAttribute("aria-disabled", "true");
  const { rule, page } = state.greeting;
  try {
    await store(rule, page, key).catch(async (error) => {
      if (error.status !== 404) throw error;
      emit("gone");
      await state.begun;
      await store(rule, page, key);
    });
    emit("acted", rule);
    poll();
  } catch {
    offer.removeAttribute("aria-disabled");
    const about = offer.parentElement.querySelector(".about");
    about.classList.add("wrong");
    about.replaceChildren(texts.notLoaded);
  }
};
const store = async (rule, page, key) => {
  await state.begun;
  if (!bearer()) await chooseToken();
  const isNew = !state.session && !state.isProven;
  await call("POST", "messages", {
    press: true, client_key: key, new: isNew, locale: document.documentElement.lang, greeting: rule, page,
  });
  state.isProven = true;
};

// The greeting was stored: polls bring it as a message from now on.
events.addEventListener("acted", ({ detail: rule }) => {
  const entry = entryOf(rule);
  if (entry) [entry.isDone, entry.isSeen] = [true, true];
  keep();
  if (state.greeting?.rule === rule) forget();
});
const forget = () => {
  row?.remove();
  [row, state.greeting, state.unreadGreetings] = [null, null, 0];
  postUnread();
};
events.addEventListener("cleared", () => { // another person begins
  clearTimeout(timer);
  forget();
});
events.addEventListener("begun", greetOnPage);
