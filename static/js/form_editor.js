// The live preview: sends the form to the server while an admin types, and shows the response in the existing frame.
// The frame is not navigated, so there is no flicker, no lost focus and no history entry.

const editor = document.getElementById("form-editor");
const frame = document.querySelector("iframe[name=preview]");
const note = document.getElementById("preview-note");
const PAUSE_MS = 250;
const STYLE = /<style>([^<]*)<\/style>/g;

let timer;
let running;
let accents;

function updateSoon() {
  clearTimeout(timer);
  timer = setTimeout(update, PAUSE_MS);
}

async function update() {
  running?.abort();
  running = new AbortController();
  const body = new FormData(editor);
  try {
    const response = await fetch(editor.dataset.preview, { method: "POST", body, signal: running.signal });
    if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
    show(await response.text());
    note.textContent = "";
  } catch (error) {
    if (error.name !== "AbortError") note.textContent = editor.dataset.previewFailed;
  }
}

function show(html) {
  const page = frame.contentDocument;
  if (!page?.querySelector("main")) return;
  const fresh = new DOMParser().parseFromString(html.replace(STYLE, ""), "text/html");
  for (const name of ["lang", "dir", "data-theme"]) {
    const value = fresh.documentElement.getAttribute(name);
    if (value === null) page.documentElement.removeAttribute(name);
    else page.documentElement.setAttribute(name, value);
  }
  // The page's policy allows only the accent color it was loaded with, by hash; a script may add a style sheet.
  accents ??= new frame.contentWindow.CSSStyleSheet();
  accents.replaceSync([...html.matchAll(STYLE)].map((found) => found[1]).join("\n"));
  page.adoptedStyleSheets = [accents];
  page.querySelector("main").replaceWith(page.importNode(fresh.querySelector("main"), true));
  fitHeight();
}

function fitHeight() {
  const page = frame.contentDocument;
  if (page?.body) frame.height = Math.max(200, Math.ceil(page.body.getBoundingClientRect().bottom) + 16);
}

function prepareFrame() {
  accents = undefined;
  const page = frame.contentDocument;
  page?.addEventListener("submit", (event) => { event.preventDefault(); event.stopImmediatePropagation(); }, true);
  updateSoon();
}

// Languages: hides the box of the main language, and previews the language that is edited.
const mainLocale = editor.elements.locale;
const previewLocale = document.querySelector("select[name=preview_locale]");
function choose(locale) {
  if (locale && previewLocale.value !== locale) previewLocale.value = locale;
}
mainLocale?.addEventListener("change", () => {
  for (const box of editor.querySelectorAll("details[data-locale]")) box.hidden = box.dataset.locale === mainLocale.value;
  choose(mainLocale.value);
});
for (const box of editor.querySelectorAll("details[data-locale]")) {
  box.addEventListener("input", () => choose(box.dataset.locale));
}

document.querySelector("[data-update]").hidden = true;
for (const input of document.querySelectorAll("[form='form-editor']")) input.addEventListener("change", updateSoon);
for (const width of document.querySelectorAll("input[name=preview_width]")) width.addEventListener("change", () => requestAnimationFrame(fitHeight));
editor.addEventListener("input", updateSoon);
addEventListener("resize", fitHeight);
frame.addEventListener("load", prepareFrame);
if (frame.contentDocument?.readyState === "complete" && frame.contentDocument.querySelector("main")) prepareFrame();
