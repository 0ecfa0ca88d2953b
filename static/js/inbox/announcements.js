// What is new announces itself: in the title, to a screen reader, by a sound, by a notification.

import { announcer, conversation } from "./page.js";
import { notification, sound } from "./wishes.js";

const pageTitle = document.title;
// What was unread when this page came is in its list, and no news: a change beside it must not announce it again.
const announced = new Set([...document.querySelectorAll("[data-news]")].map((row) => row.dataset.news));

export function title(unread) {
  document.title = unread ? `(${unread}) ${pageTitle}` : pageTitle;
}

export function announce(news) {
  const fresh = news.filter((each) => !announced.has(each.key) && !(each.id === conversation && !document.hidden));
  for (const each of news) announced.add(each.key);
  if (!fresh.length) return;
  if (!document.hidden) announcer.textContent = fresh.map((each) => `New from ${each.name}: ${each.text}`).join(". ");
  if (sound.checked) beep();
  if (notification.checked && document.hidden && Notification.permission === "granted") {
    for (const each of fresh) {
      const shown = new Notification(each.name, { body: each.text, tag: `assent-${each.id}` });
      shown.addEventListener("click", () => { window.focus(); location.assign(`/inbox/${each.id}`); });
    }
  }
}

let audio;
export async function beep() {
  try {
    audio ??= new AudioContext();
    // Until this page was touched it may stay silent; what was missed then does not sound all at once later.
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
  } catch { /* no sound here */ }
}
