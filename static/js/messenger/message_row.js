// The row of one message.

import { element, emit, texts } from "./state.js";

export const createRow = (message) => {
  const row = element("li", { className: message.from === "visitor" ? "mine" : "theirs" });
  if (message.text) row.append(element("div", { className: "words", dir: "auto" }, ...linked(message.text)));
  if (message.form) {
    row.classList.add("form");
    row.dataset.form = message.form.address;
    if (message.form.is_number) row.dataset.isNumber = "";
    emit("form-added", row);
  }
  row.append(element("p", { className: "about" }));
  showAbout(row, message);
  return row;
};
// The page's language as the reader's browser writes it: "en-GB" has other times than "en-US".
const spokenHere = () => {
  const { lang } = document.documentElement;
  return navigator.languages.find((each) => each === lang || each.startsWith(`${lang}-`)) ?? lang;
};
// The line below a message: author and time.
export const showAbout = (row, message) => {
  const at = new Date(message.at);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleString(spokenHere(), {
    hour: "numeric", minute: "2-digit", ...(isToday ? {} : { day: "numeric", month: "short" }),
  });
  const comma = document.documentElement.lang === "ar" ? "، " : ", ";
  const author = message.from === "visitor"
    ? [element("span", { className: "unseen" }, `${texts.you}${comma}`)] : [element("bdi", {}, message.name || texts.office), comma];
  const about = row.querySelector(".about");
  about.className = "about";
  about.replaceChildren(...author, element("time", { dateTime: at.toISOString() }, element("bdi", {}, time)));
};
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'»”])/;
const linked = (text) =>
  text.split(LINK).map((piece, index) => (index % 2
    ? element("a", { href: piece, target: "_blank", rel: "noopener noreferrer nofollow" }, piece) : piece));
