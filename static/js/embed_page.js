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

const parsed = (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.querySelector("main");
  if (!fresh) throw new Error("no page of ours");
  return { page, fresh, state: fresh.dataset.state };
};

// Put another state of the page in place of this one.
const show = ({ page, fresh }, { focus }) => {
  main().replaceWith(document.adoptNode(fresh));
  document.documentElement.lang = page.documentElement.lang;
  document.documentElement.dir = page.documentElement.dir;
  prepare();
  if (focus) main().querySelector("[aria-invalid], [role=status], button")?.focus();
};

const post = (path, body) => fetch(path, { method: "POST", body: new URLSearchParams(body), credentials: "omit" });

const submit = async (event) => {
  event.preventDefault();
  const sent = event.target;
  const button = sent.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return;
  const label = button.textContent;
  const error = sent.querySelector("#error");
  const body = new FormData(sent);
  // What fails leaves the form as it is, with all that was typed, and says why where a refusal would stand.
  const failed = (sentence, code) => {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
    error.hidden = false;
    error.textContent = sentence;
    tell("error", { code });
  };
  error.hidden = true;
  button.setAttribute("aria-disabled", "true");
  button.textContent = main().dataset.busy;
  try {
    const answer = await post(sent.getAttribute("action"), body);
    const other = parsed(await answer.text());
    if (other.state === "error") return failed(other.fresh.textContent.trim(), "error");
    show(other, { focus: true });
    report();
  } catch {
    failed(main().dataset.offline, "offline");
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

// Seen is a form of which half, or 200 px, is on the screen: a long legal text is never there by half.
let isSeen = false;
const steps = Array.from({ length: 26 }, (_, step) => step / 50);
const seen = new IntersectionObserver((entries) => {
  const inView = ({ intersectionRatio, intersectionRect }) => intersectionRatio >= 0.5 || intersectionRect.height >= 200;
  const shown = document.querySelector("[name=shown]")?.value;
  if (isSeen || !shown || document.visibilityState !== "visible" || !entries.some(inView)) return;
  isSeen = true;
  seen.disconnect();
  post(`${location.pathname}/seen`, { shown }).catch(() => {});
}, { threshold: steps });
const watch = () => {
  seen.disconnect();
  if (!isSeen) seen.observe(main());
};

const prepare = () => {
  main().querySelector("form")?.addEventListener("submit", submit);
  fillPage();
  sized.disconnect();
  sized.observe(main());
  watch();
};

// Who signed up here before, in this browser, is told so instead of being asked again.
const remember = async () => {
  const token = isPublic && main().dataset.state === "ask" && storage((place) => place.getItem(kept));
  if (!token) return;
  const answer = await fetch(`/f/${encodeURIComponent(token)}`, { credentials: "omit" });
  const html = await answer.text();
  if (answer.status === 404 || answer.status === 410) storage((place) => place.removeItem(kept));
  if (!answer.ok || main().dataset.state !== "ask") return;
  const other = parsed(html);
  if (other.state !== "signed_up") return;
  const asking = main();
  const spoken = [document.documentElement.lang, document.documentElement.dir];
  show(other, { focus: false });
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
document.addEventListener("visibilitychange", watch);
