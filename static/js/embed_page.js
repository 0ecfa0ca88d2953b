// The embed's own script. The page works without it; with it nothing reloads and the parent page is told.
const main = () => document.querySelector("main");
const form = main().dataset.form;
const isPublic = "public" in main().dataset;
const kept = `assent:${form}`;
let parentOrigin = null;
let parentPage = "";

// The parent is told messages only after it said hello from an allowed origin; hello is the only message listened to.
const tell = (type, more) => {
  if (parentOrigin) parent.postMessage({ source: "assent", version: 1, form, type, ...more }, parentOrigin);
};
const tellHeight = () => tell("height", { height: Math.ceil(main().getBoundingClientRect().height) });
addEventListener("message", (event) => {
  const { data, origin, source } = event;
  if (source !== parent || data?.source !== "assent" || data.type !== "hello") return;
  if (origin !== location.origin && !JSON.parse(main().dataset.origins).includes(origin)) return;
  parentOrigin = origin;
  parentPage = typeof data.page === "string" ? data.page.slice(0, 500) : "";
  fillPage();
  tell("ready", { title: document.title, state: main().dataset.state });
  tellHeight();
});
const fillPage = () => {
  const field = document.querySelector("[name=page]");
  if (field) field.value = parentPage;
};

const storage = (act) => {
  try { return act(localStorage); } catch { return null; } // refused in some frames: then nothing is remembered
};
const sized = new ResizeObserver(tellHeight);

// Put another state of the page in place of this one.
const show = (html, { focus }) => {
  const other = new DOMParser().parseFromString(html, "text/html");
  const fresh = other.querySelector("main");
  if (!fresh) return false;
  main().replaceWith(document.adoptNode(fresh));
  document.documentElement.lang = other.documentElement.lang;
  document.documentElement.dir = other.documentElement.dir;
  prepare();
  if (focus) main().querySelector("[aria-invalid], [role=status], button")?.focus();
  return true;
};

const post = (path, body) => fetch(path, { method: "POST", body: new URLSearchParams(body), credentials: "omit" });

const submit = async (event) => {
  event.preventDefault();
  const sent = event.target;
  const button = sent.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return;
  const label = button.textContent;
  const body = new FormData(sent);
  button.setAttribute("aria-disabled", "true");
  button.textContent = main().dataset.busy;
  try {
    const answer = await post(sent.getAttribute("action"), body);
    if (!show(await answer.text(), { focus: true })) throw new Error("no page");
    report();
  } catch {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
    const error = sent.querySelector("#error");
    error.textContent = main().dataset.offline;
    error.hidden = false;
    tell("error", { code: "offline" });
  }
};

const report = () => {
  const { state, token, code } = main().dataset;
  if (state === "done") {
    if (isPublic && token) storage((place) => place.setItem(kept, token));
    tell("submitted", { state });
  } else if (state !== "ask" || code) {
    tell("error", { code: code || state });
  }
};

const seen = new IntersectionObserver((entries) => {
  if (document.visibilityState !== "visible" || !entries.some((entry) => entry.isIntersecting)) return;
  seen.disconnect();
  const shown = document.querySelector("[name=shown]")?.value;
  if (shown) post(`${location.pathname}/seen`, { shown }).catch(() => {});
}, { threshold: 0.5 });

const prepare = () => {
  main().querySelector("form")?.addEventListener("submit", submit);
  fillPage();
  sized.disconnect();
  sized.observe(main());
};

// Who signed up here before, in this browser, is told so instead of being asked again.
const remember = async () => {
  const token = isPublic && main().dataset.state === "ask" && storage((place) => place.getItem(kept));
  if (!token) return;
  const answer = await fetch(`/f/${encodeURIComponent(token)}`, { credentials: "omit" });
  const html = await answer.text();
  if (answer.status === 404 || answer.status === 410) storage((place) => place.removeItem(kept));
  if (!answer.ok || !html.includes('data-state="signed_up"') || main().dataset.state !== "ask") return;
  const asking = main();
  const spoken = [document.documentElement.lang, document.documentElement.dir];
  show(html, { focus: false });
  const another = main().querySelector("[data-another]");
  another.hidden = false;
  another.addEventListener("click", (event) => {
    event.preventDefault();
    storage((place) => place.removeItem(kept));
    main().replaceWith(asking);
    [document.documentElement.lang, document.documentElement.dir] = spoken;
    prepare();
    asking.querySelector("input:not([type=hidden])").focus();
  });
};

prepare();
remember().catch(() => {});
seen.observe(main());
document.addEventListener("visibilitychange", () => { seen.disconnect(); seen.observe(main()); }, { once: true });
