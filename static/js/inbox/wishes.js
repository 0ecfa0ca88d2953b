import { beep } from "./announcements.js";

// What this browser wants: kept where storage is allowed.
const wants = {
  get(name, standard) {
    try { return (localStorage.getItem(`inbox-${name}`) ?? standard) === "yes"; } catch { return standard === "yes"; }
  },
  set(name, value) {
    try { localStorage.setItem(`inbox-${name}`, value ? "yes" : "no"); } catch { /* for this page only */ }
  },
};
const settings = document.getElementById("inbox-settings");
settings.hidden = false;
export const sound = document.getElementById("with-sound");
export const notification = document.getElementById("with-notification");
export const keys = document.getElementById("with-keys");
for (const [box, name, standard] of [[sound, "sound", "no"], [notification, "notification", "no"], [keys, "keys", "yes"]]) {
  box.checked = wants.get(name, standard);
  box.addEventListener("change", () => wants.set(name, box.checked));
}
sound.addEventListener("change", () => { if (sound.checked) beep(); }); // what it will sound like
if (!("Notification" in window)) notification.disabled = true;
notification.addEventListener("change", async () => {
  if (!notification.checked) return;
  notification.checked = (await Notification.requestPermission()) === "granted";
  wants.set("notification", notification.checked);
});
