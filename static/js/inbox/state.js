// The elements of the page, and the state that the other modules share.

export const root = document.getElementById("inbox");
export const list = () => document.getElementById("chats"); // polls replace it
const announcer = document.getElementById("announcer");
export const offline = document.getElementById("offline");
export const messages = document.getElementById("lines");
export const thread = document.getElementById("thread");
export const reply = document.getElementById("reply");
export const conversation = Number(root.dataset.conversation || 0);
export const csrf = document.querySelector("input[name=csrf_token]")?.value;

export const state = {
  cursor: root.dataset.cursor, // of the change feed
  revision: Number(root.dataset.revision || 0), // of the open conversation
  lastActionMs: Date.now(),
  pollAgain: false, // poll again without a pause
  failures: 0, // polls in a row that failed
  sent: "", // the last message of this page, without spaces at its ends
};

// "messages-shown": messages of the open conversation came onto the screen.
export const events = new EventTarget();

// Says words to a screen reader. What one update brings is said together: else the last would replace the others.
const unsaid = [];
export function say(words) {
  if (!unsaid.length) setTimeout(() => { announcer.textContent = unsaid.splice(0).join(". "); });
  unsaid.push(words);
}

export function setText(element, text) {
  if (element.hidden || element.textContent !== text) element.textContent = text;
  element.hidden = false;
}
