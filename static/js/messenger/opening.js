// The panel comes to the screen.

import { chat, field, part } from "./chat.js";
import { openForm } from "./forms.js";
import { count, toEnd, unopened } from "./lines.js";
import { signIn } from "./person.js";
import { poll } from "./polls.js";

export const opened = async () => {
  chat.active = Date.now();
  if (matchMedia("(hover: hover)").matches) field.focus();
  else part("close").focus();
  if (chat.isStale) await signIn().catch(() => {});
  for (const made of unopened.splice(0)) openForm(made);
  count();
  toEnd();
  poll();
};
