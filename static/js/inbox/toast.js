// A short sentence about what was done, with "Undo" for ten seconds, also on the next page of this tab.

import { post } from "./api.js";
import { stored } from "./tab.js";
import { sentence } from "./texts.js";

const LASTS_MS = 10_000;
const toast = document.getElementById("toast");
const [text, button] = toast.children;
let offered = null; // { text, undo, until, back? }: "back" is where to go after the undo
let timer;

export function showToast(done) {
  show({ ...done, until: Date.now() + LASTS_MS });
}

export async function undo() {
  if (!offered) return;
  const { undo: address, back } = offered;
  hide();
  try {
    const response = await post(address);
    if (!response.ok) { say(sentence("too_late")); return; }
    if (back) location.assign(back);
    else say(sentence("undone"));
  } catch {
    say(sentence("nothing_changed"));
  }
}

function show(done) {
  offered = done;
  stored.set("undo", JSON.stringify(done));
  text.textContent = done.text;
  button.hidden = false;
  toast.hidden = false;
  hideAfter(done.until - Date.now());
}

function say(words) {
  text.textContent = words;
  button.hidden = true;
  toast.hidden = false;
  hideAfter(4000);
}

function hideAfter(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => (toast.contains(document.activeElement) ? hideAfter(1000) : hide()), ms);
}

function hide() {
  offered = null;
  stored.set("undo", "");
  toast.hidden = true;
}

button.addEventListener("click", () => { undo(); document.getElementById("body")?.focus(); });
const earlier = JSON.parse(stored.get("undo") || "null");
if (earlier?.until > Date.now()) show(earlier);
