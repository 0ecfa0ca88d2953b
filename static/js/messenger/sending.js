// Sends messages: one after the other, each repeated until the server answers, each stored once.

import { call } from "./api.js";
import { postToHost } from "./host.js";
import { messages, place, showNewest } from "./message_list.js";
import { createRow, showAbout } from "./message_row.js";
import { backoffMs, poll, schedulePoll, showStatus } from "./polls.js";
import { bearer, element, emit, events, field, list, pause, queue, state, texts } from "./state.js";

export let running = Promise.resolve(); // the request that is on its way
let wake = () => {};
const wakeUp = () => wake();
events.addEventListener("polled", wakeUp);
addEventListener("online", () => { state.failures = 0; wakeUp(); poll(); });

export const write = (text) => {
  const item = { text, key: crypto.randomUUID?.() ?? randomText(16), at: Date.now(), who: state.person, ...whatIsShown() };
  keep(item);
  enqueue(item);
  state.lastActiveMs = Date.now();
  showNewest();
  send();
};
// The page, and the greeting that the visitor answers: the server stores it before the message.
const whatIsShown = () => ({ page: state.greeting?.page ?? state.page, greeting: state.greeting?.rule ?? null });
const enqueue = (item) => {
  const row = createRow({ from: "visitor", text: item.text, at: item.at });
  row.dataset.key = item.key;
  list.append(row);
  const queued = { ...item, row };
  queue.push(queued);
  mark(queued, texts.sending); // before anything else, so that an unsent message never looks sent
};

// The host page also stores messages that are not sent yet. Any page of the same person sends them; the server stores
// each key once. Messages of an anonymous visitor go to the user that they sign in as; those of a user wait for that user.
export const unsent = new Map();
const UNSENT_FOR_MS = 7 * 24 * 3600_000;
const keep = (item) => {
  unsent.set(item.key, item);
  postToHost("unsent", { item });
};
const drop = ({ key }) => {
  unsent.delete(key);
  postToHost("sent", { key });
};
export const loadUnsent = (items) => {
  unsent.clear();
  for (const { key, text, at, who, page, greeting } of Array.isArray(items) ? items.filter(Boolean) : []) {
    const isValid = /^[\w-]{1,64}$/.test(key) && typeof text === "string" && text && Number.isFinite(at);
    const item = { key, at, who: String(who ?? ""), page: String(page ?? ""), greeting: Number.isInteger(greeting) ? greeting : null };
    if (isValid && Date.now() - at < UNSENT_FOR_MS) unsent.set(key, { ...item, text: text.slice(0, field.maxLength) });
    else postToHost("sent", { key });
  }
};
export const sendUnsent = () => {
  for (const item of unsent.values()) {
    if (item.who && item.who !== state.person) continue;
    if (item.who !== state.person) keep(Object.assign(item, { who: state.person }));
    enqueue(item);
  }
  if (queue.length) send();
};

const send = async () => {
  if (state.isSending) return;
  state.isSending = true;
  for (let tries = 0; queue.length;) {
    await state.begun;
    const [item] = queue;
    const { generation } = state;
    if (!item) break;
    try {
      mark(item, texts.sending);
      if (!bearer()) await chooseToken();
      running = call("POST", "messages", {
        text: item.text, client_key: item.key, new: !state.session && !state.isProven, locale: document.documentElement.lang,
        page: item.page, greeting: item.greeting,
      });
      const stored = await running;
      if (generation !== state.generation) continue;
      const isFirst = !state.isProven;
      [state.isProven, state.failures, tries] = [true, 0, 0];
      queue.shift();
      drop(item);
      settle(item, stored);
      if (item.greeting) emit("acted", item.greeting);
      showStatus();
      if (isFirst) poll();
      else schedulePoll();
    } catch (error) {
      if (generation !== state.generation) continue;
      if (error.status && error.status < 500 && !TRY_LATER.includes(error.status)) {
        queue.shift();
        drop(item);
        mark(item, texts.refused, "wrong");
        continue;
      }
      tries += 1;
      if (error.status === 404) {
        emit("gone");
        await state.begun;
      }
      await untilNextTry(error, tries);
    }
  }
  state.isSending = false;
};

// Waits as long as the server asks; else until a poll is answered or a button is pressed, at most a growing pause.
const TRY_LATER = [404, 408, 425, 429];
const untilNextTry = ({ status, waitS }, tries) => {
  const [generation, isRateLimited] = [state.generation, status === 429];
  if (status === 404 && tries === 1) return pause(300);
  if (queue[0]) mark(queue[0], isRateLimited ? texts.many : texts.waiting, "wrong", isRateLimited ? "" : texts.again);
  showStatus();
  const ms = Math.max(backoffMs(tries - 1), waitS * 1000 || 0);
  const from = isRateLimited ? Date.now() + ms : 0;
  return Promise.race([pause(ms), new Promise((resolve) => {
    wake = () => { if (Date.now() >= from || generation !== state.generation) resolve(); };
  })]);
};

// The host page stores the token before its first use, so that a request that is sent again finds the same lead.
export const chooseToken = async () => {
  [state.isProven, state.isChosenHere] = [false, true];
  const chosen = `t_${randomText(32)}`;
  const confirmed = new Promise((resolve) => { state.tokenConfirmed = resolve; });
  postToHost("begin", { token: chosen });
  await Promise.race([confirmed, pause(2000)]);
  state.token ??= chosen;
};
export const randomText = (bytes) =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

const mark = (item, text, kind = "", again = "") => {
  const about = item.row.querySelector(".about");
  about.className = `about ${kind}`;
  about.replaceChildren(text);
  if (!again) return;
  const button = element("button", { type: "button", textContent: again });
  button.addEventListener("click", wakeUp);
  about.append(" ", button);
};
const settle = (item, { conversation, number, at }) => {
  if (messages.has(`${conversation}:${number}`)) {
    if (messages.get(`${conversation}:${number}`).row !== item.row) item.row.remove();
  } else {
    place({ conversation, number, at, isTheirs: false, row: item.row });
  }
  showAbout(item.row, { from: "visitor", at });
};
