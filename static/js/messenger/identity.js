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
      if (response.identity_problem) report(response.identity_problem);
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

// For the developer of the host page: the visitor is anonymous, and nothing on the page says why.
const PROBLEMS = {
  user_id_missing: "window.assent has a user_hash but no user_id",
  user_hash_wrong: "user_hash is not the HMAC-SHA256 (hex) of this user_id with the identity secret",
  user_jwt_malformed: "user_jwt is not a JWT with the algorithm HS256",
  user_jwt_signature_wrong: "user_jwt is not signed with the identity secret",
  user_jwt_expired: "user_jwt has expired (exp): create a new one for each page",
  user_jwt_refused: "user_jwt names no user_id, or it is not valid at this time (iat, nbf, exp)",
};
const report = (problem) => {
  postToHost("problem", { problem, line: `the visitor is not signed in: ${PROBLEMS[problem] || problem}` });
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
