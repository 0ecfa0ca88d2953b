// The messenger's panel, in its frame. It keeps nothing: the page around it holds the token, the server the rest.
// Loading reads; the server is told something only when the person does something. Here is what hands do.

import { earlier, field, log, newer, part } from "./chat.js";
import { isAtEnd, showEarlier, toEnd } from "./lines.js";
import { tell } from "./page.js";
import { write } from "./sending.js";

const grow = () => {
  field.dir = field.value ? "auto" : ""; // what one writes reads in its own direction, the hint in the page's
  if (CSS.supports("field-sizing", "content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + 2}px`;
};

part("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  field.focus();
  if (!text) return;
  field.value = "";
  grow();
  write(text);
});
field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  part("write").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell("close");
});
part("close").addEventListener("click", () => tell("close"));
newer.addEventListener("click", toEnd);
earlier.addEventListener("click", showEarlier);
log.addEventListener("scroll", () => { if (isAtEnd()) newer.hidden = true; });
addEventListener("resize", () => { if (isAtEnd()) toEnd(); });
