// Polls for news, the pauses between polls, and the status line while the server does not answer.

import { call } from "./api.js";
import { revisions, showNews } from "./message_list.js";
import { bearer, emit, notice, state, texts } from "./state.js";

const CLOSED_MS = 20_000;
const ACTIVE_FOR_MS = 120_000;

let timer;
let isPolling = false;
let visited = 0; // the generation whose visit the server knows

export const backoffMs = (tries) => Math.min(30_000, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
const pauseMs = () => {
  if (!bearer() || document.hidden) return null;
  if (state.failures) return backoffMs(state.failures);
  const idleMs = Date.now() - state.lastActiveMs;
  if (!state.isOpen) return idleMs < ACTIVE_FOR_MS ? 5000 : CLOSED_MS;
  return idleMs < ACTIVE_FOR_MS ? 1000 : idleMs < 3 * ACTIVE_FOR_MS ? 2000 : 5000;
};
export const schedulePoll = () => {
  clearTimeout(timer);
  const ms = pauseMs();
  if (ms !== null) timer = setTimeout(poll, ms);
};

export const poll = async () => {
  clearTimeout(timer);
  if (isPolling || !bearer() || (state.isSending && !state.session && state.isChosenHere && !state.isProven)) return;
  isPolling = true;
  const { generation } = state;
  let isMore = false;
  try {
    const visit = visited === generation ? "" : "&visit=1";
    const response = await call("GET", `poll?after=${[...revisions].map((pair) => pair.join(":"))}${visit}`);
    if (generation === state.generation) {
      visited = generation;
      [state.failures, state.isProven] = [0, true];
      isMore = response.more || response.pending;
      showNews(response.conversations);
      emit("polled");
      if (response.pending) await call("POST", "visit", {}).catch(() => {}); // what waits for this visit is written
    }
  } catch (error) {
    if (generation === state.generation && error.status === 404 && (state.session || state.isProven)) {
      isPolling = false;
      return void emit("gone");
    }
    if (generation === state.generation && error.status !== 404) state.failures += 1;
  }
  isPolling = false;
  showStatus();
  if (generation !== state.generation || isMore) poll();
  else schedulePoll();
};

addEventListener("offline", () => showStatus());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
for (const action of ["input", "pointerdown", "keydown"]) {
  addEventListener(action, () => {
    const wasIdle = Date.now() - state.lastActiveMs > ACTIVE_FOR_MS;
    state.lastActiveMs = Date.now();
    if (wasIdle) poll();
  }, { passive: true });
}

export const showStatus = () => {
  const text = navigator.onLine === false ? texts.offline : state.failures > 1 ? texts.connecting : "";
  if (notice.textContent !== text) notice.textContent = text;
};
