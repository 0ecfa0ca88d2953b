// Short polls by key: what is new, how soon to ask again, and what is said when nobody answers.

import { bearer, chat, notice, say } from "./chat.js";
import { loadAgain } from "./forms.js";
import { heard, known } from "./lines.js";
import { gone } from "./person.js";
import { isSending, wakeUp } from "./sending.js";
import { call } from "./server.js";

const CLOSED_MS = 20_000;
const ACTIVE_FOR_MS = 120_000;

let timer;
let isPolling = false;

export const wait = (tries) => Math.min(30_000, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
const due = () => {
  if (!bearer() || document.hidden) return null;
  if (chat.failures) return wait(chat.failures);
  const idle = Date.now() - chat.active;
  if (!chat.isOpen) return idle < ACTIVE_FOR_MS ? 5000 : CLOSED_MS;
  return idle < ACTIVE_FOR_MS ? 1000 : idle < 3 * ACTIVE_FOR_MS ? 2000 : 5000;
};
export const plan = () => {
  clearTimeout(timer);
  const ms = due();
  if (ms !== null) timer = setTimeout(poll, ms);
};

export const poll = async () => {
  clearTimeout(timer);
  if (isPolling || !bearer() || (isSending && !chat.session && chat.isChosenHere && !chat.isProven)) return;
  isPolling = true;
  const mine = chat.life;
  let isMore = false;
  try {
    const answer = await call("GET", `poll?after=${[...known].map((pair) => pair.join(":"))}`);
    if (mine === chat.life) {
      [chat.failures, chat.isProven] = [0, true];
      isMore = answer.more;
      heard(answer.conversations);
      wakeUp();
      loadAgain();
    }
  } catch (problem) {
    if (mine === chat.life && problem.status === 404 && (chat.session || chat.isProven)) {
      isPolling = false;
      return void gone();
    }
    if (mine === chat.life && problem.status !== 404) chat.failures += 1;
  }
  isPolling = false;
  showState();
  if (mine !== chat.life || isMore) poll();
  else plan();
};

addEventListener("online", () => { chat.failures = 0; wakeUp(); poll(); });
addEventListener("offline", () => showState());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
for (const act of ["input", "pointerdown", "keydown"]) {
  addEventListener(act, () => {
    const wasIdle = Date.now() - chat.active > ACTIVE_FOR_MS;
    chat.active = Date.now();
    if (wasIdle) poll();
  }, { passive: true });
}

export const showState = (words = "") => {
  const trouble = navigator.onLine === false ? say.offline : chat.failures > 1 ? say.connecting : words;
  if (notice.textContent !== trouble) notice.textContent = trouble;
};
