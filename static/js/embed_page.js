// The form's script. The page works without it; with it nothing reloads, and the parent page gets messages.
const main = () => document.querySelector("main");
const form = main().dataset.form;
const isPublic = "public" in main().dataset;
const storageKey = `assent:${form}`;
let parentOrigin = null;
let parentPage = "";

// The parent gets messages only after it said hello from an allowed origin. Hello is the only message that is read.
const tellParent = (type, more) => {
  if (parentOrigin) parent.postMessage({ source: "assent", version: 1, form, type, ...more }, parentOrigin);
};
const tellHeight = () => tellParent("height", { height: Math.ceil(main().getBoundingClientRect().height) });
addEventListener("message", (event) => {
  const { data, origin, source } = event;
  if (source !== parent || data?.source !== "assent" || data.type !== "hello") return;
  if (origin !== location.origin && !JSON.parse(main().dataset.origins).includes(origin)) return;
  parentOrigin = origin;
  parentPage = typeof data.page === "string" ? data.page.slice(0, 500) : "";
  fillPage();
  tellParent("ready", { title: document.title, state: main().dataset.state });
  tellHeight();
});
const fillPage = () => {
  const field = document.querySelector("[name=page]");
  if (field) field.value = parentPage;
};

const withStorage = (action) => {
  try { return action(localStorage); } catch { return null; } // not allowed in some frames: then nothing is stored
};
const heightObserver = new ResizeObserver(tellHeight);

const parse = (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.querySelector("main");
  if (!fresh) throw new Error("no page of ours");
  return { page, fresh, state: fresh.dataset.state };
};

// Replaces the page with another state of it.
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
  // A failure keeps the form with everything that was typed, and shows the reason where a refusal is shown.
  const showFailure = (sentence, code) => {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
    error.hidden = false;
    error.textContent = sentence;
    tellParent("error", { code });
  };
  error.hidden = true;
  button.setAttribute("aria-disabled", "true");
  button.textContent = main().dataset.busy;
  try {
    const response = await post(sent.getAttribute("action"), body);
    const other = parse(await response.text());
    if (other.state === "error") return showFailure(other.fresh.textContent.trim(), "error");
    show(other, { focus: true });
    report();
  } catch {
    showFailure(main().dataset.offline, "offline");
  }
};

const report = () => {
  const { state, token, code } = main().dataset;
  if (state === "done") {
    if (isPublic && token) withStorage((storage) => storage.setItem(storageKey, token));
    tellParent("submitted", { state });
  } else if (state !== "ask" || code) {
    tellParent("error", { code: code || state });
  }
};

// A form counts as seen when half of it, or 200 px, is on the screen: of a long legal text half may never be.
let isSeen = false;
const steps = Array.from({ length: 26 }, (_, step) => step / 50);
const seenObserver = new IntersectionObserver((entries) => {
  const inView = ({ intersectionRatio, intersectionRect }) => intersectionRatio >= 0.5 || intersectionRect.height >= 200;
  const shown = document.querySelector("[name=shown]")?.value;
  if (isSeen || !shown || document.visibilityState !== "visible" || !entries.some(inView)) return;
  isSeen = true;
  seenObserver.disconnect();
  post(`${location.pathname}/seen`, { shown }).catch(() => {});
}, { threshold: steps });
const watchSeen = () => {
  seenObserver.disconnect();
  if (!isSeen) seenObserver.observe(main());
};

const prepare = () => {
  main().querySelector("form")?.addEventListener("submit", submit);
  fillPage();
  heightObserver.disconnect();
  heightObserver.observe(main());
  watchSeen();
};

// A person who signed up before in this browser sees that, instead of being asked again.
const showEarlierSignUp = async () => {
  const token = isPublic && main().dataset.state === "ask" && withStorage((storage) => storage.getItem(storageKey));
  if (!token) return;
  const response = await fetch(`/f/${encodeURIComponent(token)}`, { credentials: "omit" });
  const html = await response.text();
  if (response.status === 404 || response.status === 410) withStorage((storage) => storage.removeItem(storageKey));
  if (!response.ok || main().dataset.state !== "ask") return;
  const other = parse(html);
  if (other.state !== "signed_up") return;
  const unanswered = main();
  const spoken = [document.documentElement.lang, document.documentElement.dir];
  show(other, { focus: false });
  const another = main().querySelector("[data-another]");
  another.hidden = false;
  another.addEventListener("click", (event) => {
    event.preventDefault();
    withStorage((storage) => storage.removeItem(storageKey));
    main().replaceWith(unanswered);
    [document.documentElement.lang, document.documentElement.dir] = spoken;
    prepare();
    unanswered.querySelector("input:not([type=hidden])").focus();
  });
};

prepare();
showEarlierSignUp().catch(() => {});
document.addEventListener("visibilitychange", watchSeen);
