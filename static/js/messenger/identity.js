// Who is chatting: an anonymous visitor with a token, or a signed user with a session.

import { call } from "./api.js";
import { postToHost } from "./host.js";
import { clear } from "./message_list.js";
import { backoffMs, showStatus } from "./polls.js";
import { sendUnsent, running } from "./sending.js";
import { emit, events, isSigned, pause, state } from "./state.js";

// A person begins: when the page is loaded, and after each sign-in and sign-out.
export const begin = () => (state.begun = beginSession());
const beginSession = async () => {
  const generation = ++state.generation;
  [state.session, state.person] = [null, ""];
  clear();
  for (let tries = 0; isSigned(); tries += 1) {
    try {
      const response = await call("GET", "session");
      if (generation !== state.generation) return;
      state.session = response.session;
      state.person = response.person || "";
      state.isStale = response.stale;
      if (state.session && state.token) {
        await running.catch(() => {}); // a message that is on its way arrives before its token ends, and is moved too
        if (generation !== state.generation) return;
        await signIn();
      }
      break;
    } catch (error) {
      if (generation !== state.generation) return;
      if (error.status && error.status < 500 && error.status !== 429) break;
      state.failures += 1;
      showStatus();
      await pause(backoffMs(tries));
      if (generation !== state.generation) return;
    }
  }
  if (generation !== state.generation) return;
  state.failures = 0;
  sendUnsent();
  emit("begun");
};

// Moves the chat that began before the sign-in to the signed user.
export const signIn = async () => {
  const before = state.token;
  await call("POST", "sign-in", before ? { token: before } : {});
  state.isStale = false;
  if (before) forgetToken();
};
const forgetToken = () => {
  postToHost("forget", { token: state.token });
  state.token = null;
};

events.addEventListener("gone", () => {
  if (!state.session) forgetToken();
  begin();
});
