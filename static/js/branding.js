// Shows the branding in the preview while an admin types, before it is saved.

const form = document.getElementById("settings");
const frame = document.querySelector("iframe[name=branding]");
const NAMES = ["name", "accent_color", "privacy_url", "terms_url", "help_contact"];
const PAUSE_MS = 400;

let timer;
form.addEventListener("input", ({ target }) => {
  if (!NAMES.includes(target.name) && !target.dataset.color) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    const values = NAMES.map((name) => [name, form.elements[name].value]);
    frame.contentWindow.location.replace(`${frame.getAttribute("src")}?${new URLSearchParams(values)}`);
  }, PAUSE_MS);
});
