// The page around this frame: it keeps the token and what is not sent yet, and says who its visitor is.

import { chat, say } from "./chat.js";
import { ofForm } from "./forms.js";
import { tellUnread } from "./lines.js";
import { opened } from "./opening.js";
import { begin } from "./person.js";
import { plan, poll } from "./polls.js";
import { isSending, remember, unsent } from "./sending.js";

const origins = [location.origin, ...JSON.parse(say.origins)];

export const tell = (type, more) => {
  if (chat.parentOrigin) parent.postMessage({ source: "assent", version: 1, type, ...more }, chat.parentOrigin);
};
const asToken = (value) => (typeof value === "string" && /^t_[\w-]{43}$/.test(value) ? value : null);

const hears = {
  hello(data) {
    [chat.token, chat.identity, chat.page] = [asToken(data.token), data.identity || null, String(data.page || "").slice(0, 500)];
    remember(data.unsent);
    chat.isProven = !unsent.size; // a first message may still be on its way from the page before
    tell("ready", { accent: say.accent, on: say.on, title: document.title });
    tellUnread();
    begin();
  },
  token(data) {
    const told = asToken(data.token);
    if (told !== chat.token) {
      const wasAnonymous = chat.token && !chat.session;
      [chat.token, chat.isProven, chat.isChosenHere] = [told, false, false];
      if (wasAnonymous) { // another page of this visitor signed out, or began anew
        remember(data.unsent);
        begin();
      }
      else if (told && !isSending) setTimeout(poll, 1500); // another page of this visitor is just writing
    }
    chat.tokenTold();
  },
  identity(data) {
    if (JSON.stringify(chat.identity) === JSON.stringify(data.identity || null)) return;
    chat.identity = data.identity || null;
    begin();
  },
  open() {
    chat.isOpen = true;
    opened();
  },
  close() {
    chat.isOpen = false;
    plan();
  },
};
addEventListener("message", ({ data, origin, source }) => {
  if (data?.source !== "assent") return;
  if (source !== parent) return ofForm(source, origin, data);
  if (parent === window || !origins.includes(origin) || !Object.hasOwn(hears, data.type)) return;
  if (chat.parentOrigin ? origin !== chat.parentOrigin : data.type !== "hello") return;
  chat.parentOrigin = origin;
  hears[data.type](data);
});
