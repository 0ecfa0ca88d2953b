// The form's script. The page works without it; with it nothing reloads, and the parent page gets messages.
const main = () => document.querySelector("main");
const form = main().dataset.form;
const isPublic = "public" in main().dataset;
const storageKey = `assent:${form}`;
let parentOrigin = null;
let parentPage = "";

// The parent gets messages only after it sent hello from an allowed origin. Hello is the only message that is read.
const postToParent = (type, more) => {
  if (parentOrigin) parent.postMessage({ source: "assent", version: 1, form, type, ...more }, parentOrigin);
};
const postHeight = () => postToParent("height", { height: Math.ceil(main().getBoundingClientRect().height) });
addEventListener("message", (event) => {
  const { data, origin, source } = event;
  if (source !== parent || data?.source !== "assent" || data.type !== "hello") return;
  if (origin !== location.origin && !JSON.parse(main().dataset.origins).includes(origin)) return;
  const isFirst = parentOrigin !== origin;
  parentOrigin = origin;
  parentPage = typeof data.page === "string" ? data.page.slice(0, 500) : "";
  fillPage(); // hello again: the address of the parent changed
  if (!isFirst) return;
  postToParent("ready", { title: document.title, lang: document.documentElement.lang, state: main().dataset.state });
  postHeight();
  if (isAnswered) report();
});
// A form over the page is closed by Escape.
addEventListener("keydown", ({ key, isComposing, defaultPrevented }) => {
  if (options.has("place") && key === "Escape" && !isComposing && !defaultPrevented) postToParent("close");
});
// In a frame with sandbox the page has no origin: it may not read what fetch gets, so the browser sends the form.
const isSandboxed = self.origin === "null";
const options = new URLSearchParams(location.search);
const isAnswered = options.has("done") || "error" in main().dataset;
const fillPage = () => {
  const field = document.querySelector("[name=page]");
  if (field) field.value = parentPage;
};

const withStorage = (action) => {
  try { return action(localStorage); } catch { return null; } // not allowed in some frames: then nothing is stored
};
const heightObserver = new ResizeObserver(postHeight);

// The options of embed.js for the look of the form. Theme and background are in the page already.
const applyLook = () => {
  const root = document.documentElement;
  if (/^\d{1,2}$/.test(options.get("radius") ?? "")) root.style.setProperty("--radius", `${options.get("radius")}px`);
  if (options.get("place") === "banner") root.dataset.place = "banner";
};

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
  document.title = page.title;
  prepare();
  const refused = main().querySelector("[autofocus]"); // the field or the button that a refusal is about
  if (focus) (refused ?? main().querySelector("[role=status], button"))?.focus();
};

// A connection that stalls is given up, so that the button works again.
const ANSWER_MS = 30_000;
const post = (path, body, mode = "same-origin") => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), ANSWER_MS);
  return fetch(path, { method: "POST", mode, body: new URLSearchParams(body), credentials: "omit", signal: stop.signal });
};

const submit = async (event) => {
  event.preventDefault();
  const sent = event.target;
  const button = sent.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return;
  const label = button.textContent;
  const error = sent.querySelector(".error");
  const busy = sent.querySelector("[aria-live]");
  const body = new FormData(sent);
  // A failure keeps the form with everything that was typed, and shows the reason where a refusal is shown.
  const showFailure = (sentence, code) => {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
    busy.textContent = "";
    error.hidden = false;
    error.textContent = sentence;
    postToParent("error", { code });
  };
  error.hidden = true;
  button.setAttribute("aria-disabled", "true");
  button.textContent = busy.textContent = main().dataset.busy;
  try {
    const response = await post(sent.getAttribute("action"), body);
    const next = parse(await response.text());
    if (next.state === "error") {
      const sentences = [...next.fresh.querySelector("[role=alert]").children].map((each) => each.textContent);
      return showFailure(sentences.join(" "), "error");
    }
    if (response.redirected) history.replaceState(null, "", response.url); // a reload shows the same
    show(next, { focus: true });
    report();
  } catch {
    showFailure(main().dataset.offline, "offline");
  }
};

const report = () => {
  const { state, token, error: code } = main().dataset;
  if ("undone" in main().dataset) {
    withStorage((storage) => storage.removeItem(storageKey));
  } else if (state === "done") {
    if (isPublic && token) withStorage((storage) => storage.setItem(storageKey, token));
    postToParent("verified" in main().dataset ? "verified" : "submitted", { state });
  } else if (state === "confirm" && !code) {
    postToParent("submitted", { state });
  } else if (state !== "ask" || code) {
    postToParent("error", { code: code || state });
  }
};

// Looks for the reply that a page waits for, for ten minutes.
let checks = 0;
const check = async () => {
  const address = main().dataset.check;
  if (!address || isSandboxed || ++checks > 150) return;
  const response = await fetch(address, { credentials: "omit" });
  const next = parse(await response.text());
  if (!main().dataset.check || next.state === "confirm") return;
  history.replaceState(null, "", response.url);
  show(next, { focus: true });
  report();
};
setInterval(() => check().catch(() => {}), 4000);

// A form counts as seen when half of it, or 200 px, is on the screen: half of a form with a long text may never fit.
let isSeen = false;
const steps = Array.from({ length: 26 }, (_, step) => step / 50);
const seenObserver = new IntersectionObserver((entries) => {
  const inView = ({ intersectionRatio, intersectionRect }) => intersectionRatio >= 0.5 || intersectionRect.height >= 200;
  const shown = document.querySelector("[name=shown]")?.value;
  if (isSeen || !shown || document.visibilityState !== "visible" || !entries.some(inView)) return;
  isSeen = true;
  seenObserver.disconnect();
  post(`${location.pathname}/seen`, { shown }, isSandboxed ? "no-cors" : "same-origin").catch(() => {});
}, { threshold: steps });
const watchSeen = () => {
  seenObserver.disconnect();
  if (!isSeen) seenObserver.observe(main());
};

// Selects the country of the browser's language, if the browser's time zone is one of that country.
const selectCountry = () => {
  const select = main().querySelector("select[data-zones]");
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!select || select.value || !select.dataset.zones.split(" ").includes(timeZone)) return;
  select.value = select.dataset.region;
  select.dispatchEvent(new Event("change"));
};

// The hint's example is a number of the country that was preselected.
const followCountry = () => {
  const select = main().querySelector("select");
  const preselected = select?.value;
  select?.addEventListener("change", () => {
    main().querySelector("#hint").hidden = select.value !== preselected;
  });
};

const prepare = () => {
  followCountry();
  if (!isSandboxed) for (const each of main().querySelectorAll("form:not([target])")) each.addEventListener("submit", submit);
  fillPage();
  selectCountry();
  heightObserver.disconnect();
  heightObserver.observe(main());
  watchSeen();
};

// Shows the sign-up of a person who signed up in this browser before, instead of asking again.
const showEarlierSignUp = async () => {
  const token = isPublic && !isSandboxed && main().dataset.state === "ask" && withStorage((storage) => storage.getItem(storageKey));
  if (!token) return;
  const response = await fetch(`/f/${encodeURIComponent(token)}`, { credentials: "omit" });
  const html = await response.text();
  if (response.status === 404 || response.status === 410) withStorage((storage) => storage.removeItem(storageKey));
  if (!response.ok || main().dataset.state !== "ask") return;
  const next = parse(html);
  if (next.state !== "signed_up") return;
  const unanswered = main();
  const language = [document.documentElement.lang, document.documentElement.dir];
  show(next, { focus: false });
  const another = main().querySelector("[data-another]");
  another.hidden = false;
  another.addEventListener("click", (event) => {
    event.preventDefault();
    withStorage((storage) => storage.removeItem(storageKey));
    main().replaceWith(unanswered);
    [document.documentElement.lang, document.documentElement.dir] = language;
    prepare();
    unanswered.querySelector(".number > *").focus();
  });
};

applyLook();
prepare();
showEarlierSignUp().catch(() => {});
document.addEventListener("visibilitychange", watchSeen);
