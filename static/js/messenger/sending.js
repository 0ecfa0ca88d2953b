// What is sent: one message after the other, each until it is answered, each arriving once.

import { bearer, chat, element, field, list, pause, say } from "./chat.js";
import { place, rows, toEnd } from "./lines.js";
import { tell } from "./page.js";
import { begun, gone } from "./person.js";
import { plan, poll, showState, wait } from "./polls.js";
import { about, row } from "./rows.js";
import { call } from "./server.js";

export let queue = [];
export let isSending = false;
export let running = Promise.resolve(); // the message that is on its way
let wake = () => {};
export const wakeUp = () => wake();

export const write = (text) => {
  const item = { text, key: crypto.randomUUID?.() ?? randomText(16), at: Date.now(), who: chat.person };
  keep(item);
  enqueue(item);
  chat.active = Date.now();
  toEnd();
  send();
};
const enqueue = (item) => {
  const made = row({ from: "visitor", text: item.text, at: item.at });
  made.dataset.key = item.key;
  list.append(made);
  const queued = { ...item, row: made };
  queue.push(queued);
  mark(queued, say.sending); // at once: what is not sent yet never looks as if it were
};

// What is not sent yet is kept by the page around this frame too, and sent by whichever page of this person is there:
// its key makes it arrive once. What an anonymous visitor wrote goes along with who they turn out to be, as their chat
// does; what a signed user wrote waits for that user.
export const unsent = new Map();
const UNSENT_FOR_MS = 7 * 24 * 3600_000;
const keep = (item) => {
  unsent.set(item.key, item);
  tell("unsent", { item });
};
const drop = ({ key }) => {
  unsent.delete(key);
  tell("sent", { key });
};
export const remember = (items) => {
  unsent.clear();
  for (const { key, text, at, who } of Array.isArray(items) ? items.filter(Boolean) : []) {
    const isOne = /^[\w-]{1,64}$/.test(key) && typeof text === "string" && text && Number.isFinite(at);
    if (isOne && Date.now() - at < UNSENT_FOR_MS) unsent.set(key, { key, text: text.slice(0, field.maxLength), at, who: String(who ?? "") });
    else tell("sent", { key });
  }
};
export const restore = () => {
  for (const item of unsent.values()) {
    if (item.who && item.who !== chat.person) continue;
    if (item.who !== chat.person) keep(Object.assign(item, { who: chat.person }));
    enqueue(item);
  }
  if (queue.length) send();
};

const send = async () => {
  if (isSending) return;
  isSending = true;
  for (let tries = 0; queue.length;) {
    await begun;
    const [item] = queue;
    const mine = chat.life;
    if (!item) break;
    try {
      mark(item, say.sending);
      if (!bearer()) await chooseToken();
      running = call("POST", "messages", {
        text: item.text, client_key: item.key, new: !chat.session && !chat.isProven, locale: document.documentElement.lang,
      });
      const answer = await running;
      if (mine !== chat.life) continue;
      const isFirst = !chat.isProven;
      [chat.isProven, chat.failures, tries] = [true, 0, 0];
      queue.shift();
      drop(item);
      settle(item, answer);
      showState();
      if (isFirst) poll();
      else plan();
    } catch (problem) {
      if (mine !== chat.life) continue;
      if (problem.status && problem.status < 500 && !LATER.includes(problem.status)) {
        queue.shift();
        drop(item);
        mark(item, say.refused, "wrong");
        continue;
      }
      tries += 1;
      if (problem.status === 404) await gone();
      await another(problem, tries);
    }
  }
  isSending = false;
};

// Wait until it may be tried another time: as long as the server says, else until a poll is answered or a hand asks.
const LATER = [404, 408, 425, 429];
const another = ({ status, waitS }, tries) => {
  const [mine, isMany] = [chat.life, status === 429];
  if (status === 404 && tries === 1) return pause(300);
  if (queue[0]) mark(queue[0], isMany ? say.many : say.waiting, "wrong", isMany ? "" : say.again);
  showState();
  const ms = Math.max(wait(tries - 1), waitS * 1000 || 0);
  const from = isMany ? Date.now() + ms : 0;
  return Promise.race([pause(ms), new Promise((resolve) => {
    wake = () => { if (Date.now() >= from || mine !== chat.life) resolve(); };
  })]);
};

// The token is chosen here and stored before it is first used: what is sent again after a lost answer finds its lead.
const chooseToken = async () => {
  [chat.isProven, chat.isChosenHere] = [false, true];
  const chosen = `t_${randomText(32)}`;
  const told = new Promise((resolve) => { chat.tokenTold = resolve; });
  tell("begin", { token: chosen });
  await Promise.race([told, pause(2000)]);
  chat.token ??= chosen;
};
const randomText = (bytes) =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

const mark = (item, words, kind = "", again = "") => {
  const about = item.row.querySelector(".about");
  about.className = `about ${kind}`;
  about.replaceChildren(words);
  if (!again) return;
  const button = element("button", { type: "button", textContent: again });
  button.addEventListener("click", wakeUp);
  about.append(" ", button);
};
const settle = (item, { conversation, number, at }) => {
  if (rows.has(`${conversation}:${number}`)) {
    if (rows.get(`${conversation}:${number}`).row !== item.row) item.row.remove();
  } else {
    place({ conversation, number, at, isTheirs: false, row: item.row });
  }
  about(item.row, { from: "visitor", at });
};
