// The inbox, live: short polls by key, no reload. Everything works without this, as plain pages.

const root = document.getElementById("inbox");
const announcer = document.getElementById("announcer");
const offline = document.getElementById("offline");
const lines = document.getElementById("lines");
const thread = document.getElementById("thread");
const reply = document.getElementById("reply");
const conversation = Number(root.dataset.conversation || 0);
const csrf = document.querySelector("input[name=csrf_token]")?.value;
const pageTitle = document.title;

const ACTIVE_MS = 1000;
const IDLE_MS = 5000;
const IDLE_AFTER_MS = 60_000;
const HERE_MS = 15_000;

let cursor = root.dataset.cursor;
let revision = Number(root.dataset.revision || 0);
let lastAct = Date.now();
let timer;
let running = false;
let again = false;
let failures = 0;
const announced = new Set();

for (const only of document.querySelectorAll(".with-scripts")) only.hidden = false;

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
const sound = document.getElementById("with-sound");
const notification = document.getElementById("with-notification");
const keys = document.getElementById("with-keys");
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

// ---- The poll

function pause() {
  if (failures) return Math.min(30_000, ACTIVE_MS * 2 ** failures) * (0.75 + Math.random() / 2);
  return document.hidden || Date.now() - lastAct > IDLE_AFTER_MS ? IDLE_MS : ACTIVE_MS;
}

function next(after = pause()) {
  clearTimeout(timer);
  timer = setTimeout(poll, after);
}

async function poll() {
  if (running) { again = true; return; }
  running = true;
  again = false;
  const query = new URLSearchParams(root.dataset.query);
  query.set("cursor", cursor);
  if (conversation) {
    query.set("conversation", conversation);
    query.set("after", revision);
  }
  let news = null;
  try {
    const response = await fetch(`/inbox/poll?${query}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20_000) });
    if (response.status === 401) return signedOut();
    if (!response.ok) throw new Error(`status ${response.status}`);
    if (response.status === 200) news = await response.json();
    failures = 0;
    offline.hidden = true;
  } catch {
    failures = Math.min(failures + 1, 5);
    if (failures > 1) say(offline, "There is no connection. What you see may be old; it is tried again by itself.");
  } finally {
    running = false;
  }
  if (news) {
    cursor = news.cursor;
    next();
    take(news);
  }
  next(again ? 0 : pause());
}

function signedOut() {
  say(offline, "You are signed out. Reload the page to sign in again; keep what you have written.");
}

function say(place, words) {
  if (place.hidden || place.textContent !== words) place.textContent = words;
  place.hidden = false;
}

function take(news) {
  if (news.list) replace("chats", news.list);
  if (news.conversation) takeConversation(news.conversation);
  document.getElementById("chats").dataset.unread = news.unread;
  title(news.unread);
  announce(news.news);
}

// A part of the page is replaced by its new self; the focus stays where it was.
function replace(id, html) {
  const old = document.getElementById(id);
  const fresh = made(html).querySelector(`#${id}`);
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  const held = old.contains(document.activeElement) ? whereIs(document.activeElement) : null;
  const top = old.scrollTop;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
  if (held) document.querySelector(held)?.focus({ preventScroll: true });
}

function whereIs(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.chat) return `[data-chat="${element.dataset.chat}"]`;
  if (element.getAttribute("href")) return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
  const action = element.closest("form")?.getAttribute("action");
  return action ? `form[action="${CSS.escape(action)}"] button` : null;
}

function made(html) {
  return document.importNode(new DOMParser().parseFromString(html, "text/html").body, true);
}

function takeConversation(news) {
  revision = news.revision;
  for (const field of document.querySelectorAll("input[name=revision]")) field.value = revision;
  const wasAtEnd = isAtEnd();
  const spoken = [];
  for (const line of news.lines) if (root.dataset.newest === "yes" || has(line.number)) put(line, spoken);
  markSeen(news.seen);
  replace("chat-head", news.head);
  if (!document.getElementById("panel").contains(document.activeElement) || document.activeElement.tagName !== "SELECT") replace("panel", news.panel);
  if (spoken.length) announcer.textContent = spoken.join(". ");
  if (wasAtEnd) toEnd();
  if (!document.hidden) here();
  if (news.is_more) again = true;
}

function has(number) {
  return document.getElementById(`line-${number}`) !== null;
}

function put(line, spoken) {
  const fresh = made(line.html).firstElementChild;
  const old = document.getElementById(fresh.id);
  if (old) {
    if (old.outerHTML === fresh.outerHTML) return;
    const wasOpen = old.querySelector("details")?.open;
    old.replaceWith(fresh);
    if (wasOpen && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  } else {
    const later = [...lines.children].find((each) => Number(each.dataset.number) > line.number);
    lines.insertBefore(fresh, later ?? null);
  }
  if (fresh.dataset.kind === "form") spoken.push(`${fresh.querySelector("article").getAttribute("aria-label")}, ${fresh.querySelector(".state").textContent.trim()}`);
  else if (fresh.dataset.side === "contact") spoken.push(`${fresh.dataset.author}: ${fresh.querySelector(".line-text").textContent.trim().slice(0, 300)}`);
}

function markSeen(number) {
  if (!lines) return;
  document.getElementById("line-seen")?.remove();
  const seen = [...lines.querySelectorAll("[data-side=agent]")].filter((each) => each.dataset.kind !== "note" && Number(each.dataset.number) <= number).pop();
  if (!seen) return;
  const mark = document.createElement("p");
  mark.id = "line-seen";
  mark.className = "small quiet";
  mark.textContent = `Seen by ${root.dataset.contact}`;
  seen.append(mark);
}

// ---- Announcements

function title(unread) {
  document.title = unread ? `(${unread}) ${pageTitle}` : pageTitle;
}

function announce(news) {
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
async function beep() {
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

// ---- One conversation

function isAtEnd() {
  return thread ? thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80 : false;
}

function toEnd() {
  if (thread) thread.scrollTop = thread.scrollHeight;
}

async function post(address, fields = {}, more = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams({ csrf_token: csrf, ...fields });
  return fetch(address, { method: "POST", body, headers: { "X-Requested-With": "fetch", Accept: "application/json" }, ...more });
}

let lastHere = 0;
function here() {
  if (!conversation || root.dataset.newest !== "yes") return;
  lastHere = Date.now();
  post(`/inbox/${conversation}/here`, { revision }).then((response) => { if (response.ok) read(); }).catch(() => {});
}

// The list says so at once; other pages of this agent with their next change.
function read() {
  const row = document.querySelector(`[data-chat="${conversation}"]`)?.closest(".is-unread");
  if (!row) return;
  row.classList.remove("is-unread");
  for (const mark of row.querySelectorAll(".chat-name > *")) mark.remove();
  const chats = document.getElementById("chats");
  chats.dataset.unread = Math.max(0, chats.dataset.unread - (row.dataset.counts === "yes" ? 1 : 0));
  title(Number(chats.dataset.unread));
}

if (conversation) {
  toEnd();
  markSeen(Number(root.dataset.seen));
  if (!document.hidden) here();
  setInterval(() => { if (!document.hidden && Date.now() - lastHere >= HERE_MS) here(); }, 5000);
  addEventListener("pagehide", () => post(`/inbox/${conversation}/leave`, {}, { keepalive: true }).catch(() => {}));
}

// Acts are sent without leaving the page. Where that fails, the text stays and can be sent again: it arrives once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form === reply) {
    event.preventDefault();
    send();
  } else if (form.matches("[data-act]")) {
    event.preventDefault();
    act(form);
  }
});

async function act(form) {
  try {
    const response = await post(form.action, new FormData(form));
    if (!response.ok) throw new Error(response.status);
    if (form.elements.client_key) form.elements.client_key.value = newKey();
    if (form.id === "insert") openInsert(false);
    poll();
  } catch {
    form.submit();
  }
}

const body = document.getElementById("body");
const notSent = document.getElementById("not-sent");
let sending = false;
async function send() {
  if (sending) return;
  if (!body.value.trim()) { refuse("Write something first."); return; }
  sending = true;
  try {
    const response = await post(reply.action, new FormData(reply), { signal: AbortSignal.timeout(20_000) });
    if (response.status === 401 || response.status === 400) { refuse("It was not sent: you are signed out. Copy your text, reload, and send it again."); return; }
    if (!response.ok) throw new Error(response.status);
    body.value = "";
    keep();
    reply.elements.client_key.value = newKey();
    refuse("");
    toEnd();
    poll();
  } catch {
    refuse("It was not sent: there is no connection. Your text is still here; send it again.");
  } finally {
    sending = false;
  }
}

function refuse(words) {
  notSent.textContent = words;
  notSent.hidden = !words;
  body.toggleAttribute("aria-invalid", Boolean(words));
}

function newKey() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)))).replaceAll("+", "-").replaceAll("/", "_");
}

// What is half written survives a look elsewhere.
function keep() {
  try {
    if (body.value) sessionStorage.setItem(`draft-${conversation}`, body.value);
    else sessionStorage.removeItem(`draft-${conversation}`);
  } catch { /* nowhere to keep it */ }
}
if (body) {
  try { body.value ||= sessionStorage.getItem(`draft-${conversation}`) ?? ""; } catch { /* nowhere to find it */ }
  body.addEventListener("input", keep);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
    if (event.key === "Escape") thread.focus();
  });
}

const insert = document.getElementById("insert");
const insertButton = document.querySelector("[data-opens=insert]");
function openInsert(open) {
  if (!insert) return;
  insert.hidden = !open;
  insertButton.setAttribute("aria-expanded", String(open));
  if (open) insert.querySelector("select").focus();
}
if (insert) {
  insertButton.hidden = false;
  openInsert(false);
  insertButton.addEventListener("click", () => openInsert(insert.hidden));
  insert.addEventListener("keydown", (event) => { if (event.key === "Escape") { openInsert(false); insertButton.focus(); } });
}

// ---- Keys

function move(step) {
  const rows = [...document.querySelectorAll("[data-chat]")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row === document.activeElement);
  const open = rows.findIndex((row) => row.getAttribute("aria-current") === "page");
  const from = now >= 0 ? now : open >= 0 ? open : step > 0 ? -1 : rows.length;
  rows[Math.min(rows.length - 1, Math.max(0, from + step))].focus();
}

function write(kind) {
  if (!reply) return;
  document.getElementById(`kind-${kind}`).checked = true;
  body.focus();
}

const shortcuts = {
  j: () => move(1),
  k: () => move(-1),
  r: () => write("message"),
  n: () => write("note"),
  i: () => (insertButton ? openInsert(true) : document.querySelector("[data-insert-page]")?.click()),
  e: () => document.querySelector("form[data-key=e]")?.requestSubmit(),
  "/": () => document.getElementById("q").focus(),
};
document.addEventListener("keydown", (event) => {
  lastAct = Date.now();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inList = document.activeElement?.matches("[data-chat]");
  if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (!keys.checked || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const wanted = shortcuts[event.key];
  if (wanted) {
    event.preventDefault();
    wanted();
  }
});
for (const kind of ["pointermove", "pointerdown", "focus"]) addEventListener(kind, () => { lastAct = Date.now(); }, { passive: true });
document.addEventListener("visibilitychange", () => {
  lastAct = Date.now();
  if (!document.hidden) { here(); next(0); }
});
addEventListener("online", () => { failures = 0; next(0); });

title(Number(document.getElementById("chats").dataset.unread));
next();
