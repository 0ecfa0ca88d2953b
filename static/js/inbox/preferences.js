// Preferences of this browser, kept where storage is allowed.

const stored = {
  get(name, standard) {
    try { return (localStorage.getItem(`inbox-${name}`) ?? standard) === "yes"; } catch { return standard === "yes"; }
  },
  set(name, value) {
    try { localStorage.setItem(`inbox-${name}`, value ? "yes" : "no"); } catch { /* only for this page then */ }
  },
};
const settings = document.getElementById("inbox-settings");
for (const opener of document.querySelectorAll("[data-opens=inbox-settings]")) {
  opener.hidden = false;
  opener.addEventListener("click", openSettings);
}
export function openSettings() {
  if (!document.querySelector("dialog[open]")) settings.showModal();
}
settings.addEventListener("click", (event) => { if (event.target === settings) settings.close(); });
export const sound = document.getElementById("with-sound");
export const notification = document.getElementById("with-notification");
export const mineOnly = document.getElementById("with-mine-only");
export const keys = document.getElementById("with-keys");
for (const [box, name, standard] of [[sound, "sound", "no"], [notification, "notification", "no"], [mineOnly, "mine-only", "no"], [keys, "keys", "yes"]]) {
  box.checked = stored.get(name, standard);
  box.addEventListener("change", () => stored.set(name, box.checked));
}
if (!("Notification" in window)) notification.disabled = true;
notification.addEventListener("change", async () => {
  if (!notification.checked) return;
  notification.checked = (await Notification.requestPermission()) === "granted";
  stored.set("notification", notification.checked);
});
