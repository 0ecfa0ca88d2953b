// Who is chatting: somebody anonymous by a token, or a signed user by a session.

import { chat, isSigned, pause } from "./chat.js";
import { clear } from "./lines.js";
import { opened } from "./opening.js";
import { tell } from "./page.js";
import { poll, showState, wait } from "./polls.js";
import { restore, running } from "./sending.js";
import { call } from "./server.js";

// Somebody begins: the same page anew, a sign-in, a sign-out.
export let begun = Promise.resolve();
export const begin = () => (begun = beginning());
const beginning = async () => {
  const mine = ++chat.life;
  [chat.session, chat.person] = [null, ""];
  clear();
  for (let tries = 0; isSigned(); tries += 1) {
    try {
      const answer = await call("GET", "session");
      if (mine !== chat.life) return;
      chat.session = answer.session;
      chat.person = answer.person || "";
      chat.isStale = answer.stale;
      if (chat.session && chat.token) {
        await running.catch(() => {}); // what is on its way arrives before its token ends, and comes along
        if (mine !== chat.life) return;
        await signIn();
      }
      break;
    } catch (problem) {
      if (mine !== chat.life) return;
      if (problem.status && problem.status < 500 && problem.status !== 429) break;
      chat.failures += 1;
      showState();
      await pause(wait(tries));
      if (mine !== chat.life) return;
    }
  }
  if (mine !== chat.life) return;
  chat.failures = 0;
  restore();
  if (chat.isOpen) opened();
  else poll();
};

// The signed user takes over the chat that began before the sign-in.
export const signIn = async () => {
  const before = chat.token;
  await call("POST", "sign-in", before ? { token: before } : {});
  chat.isStale = false;
  if (before) forgetToken();
};
const forgetToken = () => {
  tell("forget", { token: chat.token });
  chat.token = null;
};

// Nobody knows the token any more, or the session is over: start anew.
export const gone = async () => {
  if (!chat.session) forgetToken();
  await begin();
};

