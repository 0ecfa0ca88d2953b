// How one line looks.

import { chat, element, say } from "./chat.js";
import { openForm } from "./forms.js";
import { unopened } from "./lines.js";

export const row = (message) => {
  const made = element("li", { className: message.from === "visitor" ? "mine" : "theirs" });
  if (message.text) made.append(element("div", { className: "words", dir: "auto" }, ...linked(message.text)));
  if (message.form) {
    made.classList.add("form");
    made.dataset.form = message.form.address;
    if (message.form.is_number) made.dataset.isNumber = "";
    if (chat.isOpen) openForm(made);
    else unopened.push(made);
  }
  made.append(element("p", { className: "about" }));
  about(made, message);
  return made;
};
export const about = (made, message) => {
  const at = new Date(message.at);
  const isToday = at.toDateString() === new Date().toDateString();
  const shown = at.toLocaleString(document.documentElement.lang, {
    hour: "numeric", minute: "2-digit", ...(isToday ? {} : { day: "numeric", month: "short" }),
  });
  const who = message.from === "visitor"
    ? [element("span", { className: "unseen" }, `${say.you}, `)] : [element("bdi", {}, message.name || say.office), ", "];
  const line = made.querySelector(".about");
  line.className = "about";
  line.replaceChildren(...who, element("time", { dateTime: at.toISOString() }, element("bdi", {}, shown)));
};
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'»”])/;
const linked = (text) =>
  text.split(LINK).map((piece, index) => (index % 2
    ? element("a", { href: piece, target: "_blank", rel: "noopener noreferrer nofollow" }, piece) : piece));

