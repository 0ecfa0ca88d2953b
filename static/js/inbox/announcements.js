// Announces news: in the page title, to a screen reader, by a sound, by a notification.

import { mineOnly, notification, sound } from "./preferences.js";
import { conversation, say } from "./state.js";
import { sentence } from "./texts.js";

const pageTitle = document.title;
// Conversations that were unread when the page was loaded are not announced.
const announced = new Set([...document.querySelectorAll("[data-news]")].map((row) => row.dataset.news));

export function showUnread(unread) {
  document.title = unread ? `(${unread}) ${pageTitle}` : pageTitle;
}

export function announce(news) {
  const fresh = news.filter((each) => !announced.has(each.key) && !(each.id === conversation && !document.hidden));
  for (const each of news) announced.add(each.key);
  if (!fresh.length) return;
  if (!document.hidden) for (const each of fresh) say(sentence("news", each));
  const loud = mineOnly.checked ? fresh.filter((each) => each.is_mine) : fresh;
  if (!loud.length) return;
  if (sound.checked) beep();
  if (notification.checked && document.hidden && Notification.permission === "granted") {
    for (const each of loud) {
      const shown = new Notification(each.name, { body: each.text, tag: `assent-${each.id}` });
      shown.addEventListener("click", () => { window.focus(); location.assign(each.address); });
    }
  }
}

let audio;
async function beep() {
  try {
    audio ??= new AudioContext();
    // Browsers allow no sound before the first click. A sound that was not allowed must not be played later.
    if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((resolve) => setTimeout(resolve, 500))]);
    if (audio.state !== "running") return;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.06, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.25);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.25);
  } catch { /* this browser cannot play sounds */ }
}
sound.addEventListener("change", () => { if (sound.checked) beep(); }); // so that the agent knows the sound
