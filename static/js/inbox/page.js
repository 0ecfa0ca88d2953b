// What all parts of the inbox share: places of the page, and how things stand.

export const root = document.getElementById("inbox");
export const announcer = document.getElementById("announcer");
export const offline = document.getElementById("offline");
export const lines = document.getElementById("lines");
export const thread = document.getElementById("thread");
export const reply = document.getElementById("reply");
export const conversation = Number(root.dataset.conversation || 0);
export const csrf = document.querySelector("input[name=csrf_token]")?.value;

export const state = {
  cursor: root.dataset.cursor, // of what changed anywhere
  revision: Number(root.dataset.revision || 0), // of the open conversation
  lastAct: Date.now(),
  again: false, // there is more to ask for at once
  failures: 0, // polls in a row that were not answered
};

export function say(place, words) {
  if (place.hidden || place.textContent !== words) place.textContent = words;
  place.hidden = false;
}
