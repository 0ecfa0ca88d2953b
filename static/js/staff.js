// Improvements for staff pages. All of them work without scripts.

// What an action did, or a search found, is said first: the focus is there, and Tab goes on from it, to "Undo" for example.
const answer = document.querySelector(".messages:has(> *)") ?? document.querySelector("[data-answer]");
const showAnswer = () => {
  if (document.activeElement === document.body) answer.focus({ preventScroll: Boolean(location.hash) });
};
if (answer && !document.querySelector("[autofocus]")) {
  if (location.hash) addEventListener("load", () => setTimeout(showAnswer)); // the way to the place takes the focus away
  else showAnswer();
}

// "Copy" beside a read-only field: <button data-copy="id-of-the-field" data-copied="Copied" hidden>.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const word = button.firstElementChild;
  const label = word.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // without HTTPS there is no clipboard object
    }
    const status = button.nextElementSibling;
    word.textContent = status.textContent = button.dataset.copied;
    setTimeout(() => { [word.textContent, status.textContent] = [label, ""]; }, 2000);
  });
}

// Prints the page, with what is folded: <button data-print hidden>.
for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.more")) folded.open = true;
});

// What is pressed stays in the page until it is released: else the browser would find no element that was clicked. Scripts
// that change a part of the page do so by this; without a change, the one that waits is dropped.
let pressed = null;
const waiting = new Map(); // part of the page to its newest change
globalThis.afterPress = (part, change) => {
  waiting.delete(part);
  if (change && pressed && part.contains(pressed)) waiting.set(part, change);
  else change?.();
};
addEventListener("pointerdown", (event) => { pressed = event.target; }, true);
for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => setTimeout(() => { // after the click
  pressed = null;
  for (const [part, change] of [...waiting]) afterPress(part, change);
}), true);

// Closes a menu, and a step that asks first, by Escape or by a click beside it.
for (const menu of document.querySelectorAll("details.menu, details.confirm")) {
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// The section that is open is seen, also where the sections scroll.
const section = document.querySelector(".side .sections [aria-current]");
if (section) {
  const box = section.closest(".sections");
  box.scrollTop += Math.max(0, section.getBoundingClientRect().bottom - box.getBoundingClientRect().bottom + 8);
}

// A row of links that scrolls begins at the chosen one, where the style sheet alone cannot say so.
if (!CSS.supports("scroll-initial-target", "nearest")) {
  for (const chosen of document.querySelectorAll(".filters > li > [aria-current]")) {
    const row = chosen.closest(".filters");
    row.scrollLeft += chosen.getBoundingClientRect().left - row.getBoundingClientRect().left - 16;
  }
}

// Asks before a form with changes is left: <form data-unsaved>; data-unsaved="now" holds changes from the beginning.
for (const form of document.querySelectorAll("form[data-unsaved]")) {
  const values = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf_token" && !name.startsWith("preview_")));
  const saved = form.dataset.unsaved === "now" ? "" : values();
  let isSaving = false;
  form.addEventListener("submit", (event) => { isSaving ||= !event.submitter?.formTarget; });
  addEventListener("pageshow", () => { isSaving = false; });
  addEventListener("beforeunload", (event) => {
    if (!isSaving && values() !== saved) event.preventDefault();
  });
}

// Opens closed details when a link of the error summary leads into them.
for (const link of document.querySelectorAll(".summary a[href^='#']")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    for (let up = field.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    const target = field.matches("fieldset") ? field.querySelector("input") : field;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: "center" });
  });
}

// Keeps a color picker and its text field equal: <input type="color" data-color="id-of-the-field" hidden>.
for (const picker of document.querySelectorAll("[data-color]")) {
  const field = document.getElementById(picker.dataset.color);
  picker.hidden = false;
  picker.addEventListener("input", () => {
    field.value = picker.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  field.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value; });
}

// Adds a search field to a long list of checkboxes: <div data-filter="Find a country">.
for (const list of document.querySelectorAll("[data-filter]")) {
  const find = document.createElement("input");
  find.type = "search";
  find.className = "checklist-find";
  find.placeholder = list.dataset.filter;
  find.setAttribute("aria-label", list.dataset.filter);
  const found = document.createElement("p");
  found.className = "visually-hidden";
  found.setAttribute("role", "status");
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const label of list.children) label.hidden = !label.textContent.toLowerCase().includes(wanted);
    found.textContent = list.dataset.found.replace("%", [...list.children].filter((label) => !label.hidden).length);
  });
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  list.before(find, found);
}

// The name of a section beside its icon is hidden by Escape, until pointer and focus have left the icon.
for (const link of document.querySelectorAll(".sections a")) {
  const isNamed = () => link.matches(":hover, :focus-visible");
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && isNamed()) link.dataset.quiet = "";
  });
  for (const type of ["pointerleave", "blur"]) link.addEventListener(type, () => { if (!isNamed()) delete link.dataset.quiet; });
}

// Reveals what a button leads to without leaving the page: <button data-reveals="id">, and <a data-conceals="id">.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveals], [data-conceals]");
  const part = button && document.getElementById(button.dataset.reveals ?? button.dataset.conceals);
  if (!part) return;
  event.preventDefault();
  part.hidden = "conceals" in button.dataset || !part.hidden;
  (part.hidden ? document.querySelector(`[data-reveals="${part.id}"]`) : part.querySelector("textarea"))?.focus();
});

// What was typed is kept in this tab while its form is sent. Where the session had ended meanwhile, the page has it again
// after the sign-in; what was accepted is forgotten.
const KEPT = "typed";
const kept = (() => {
  try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; }
})();
const keep = (value) => {
  try {
    if (value) sessionStorage.setItem(KEPT, JSON.stringify(value));
    else sessionStorage.removeItem(KEPT);
  } catch { /* storage is not allowed */ }
};
const nameOf = (form) => `${form.getAttribute("method")} ${form.getAttribute("action")} ${form.getAttribute("id")}`;
const typedIn = (form) => [...form.elements].filter((field) => field.name && field.matches("textarea, select:not([multiple]), input:not([type=hidden], [type=password], [type=file])"));
const refused = document.querySelector("[data-status]")?.dataset.status;
if (kept && (refused === "400" || refused === "401")) keep({ ...kept, isRefused: true });
else if (kept?.isRefused && kept.page === location.pathname) {
  const form = [...document.forms].find((each) => nameOf(each) === kept.form);
  for (const [place, field] of (form ? typedIn(form) : []).entries()) {
    const [name, value, isChecked] = kept.fields[place] ?? [];
    if (name !== field.name) continue;
    if (field.type === "checkbox" || field.type === "radio") field.checked = isChecked;
    else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  keep(null);
} else if (kept && document.querySelector(".side")) keep(null);
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || !document.querySelector(".side")) return;
  const fields = typedIn(form).map((field) => [field.name, field.value, field.checked]);
  if (fields.length) keep({ page: location.pathname, form: nameOf(form), fields });
});
