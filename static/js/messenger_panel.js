// The messenger's panel, in its frame. It keeps nothing: the page around it holds the token, the server the rest.
// Loading reads; the server is told something only when the person does something.

const app = document.querySelector("main");
const say = app.dataset;
const part = (id) => document.getElementById(id);
const [log, list, field, notice, newer, earlier] = ["log", "list", "text", "state", "newer", "earlier"].map(part);
const origins = [location.origin, ...JSON.parse(say.origins)];
const CLOSED_MS = 20_000;
const ACTIVE_FOR_MS = 120_000;

let parentOrigin = null;
let page = "";
let isOpen = false;
let token = null; // of somebody anonymous; kept by the page around this frame
let isProven = false; // the server knows the token
let isChosenHere = false; // the token is of this page's making
let session = null; // of a signed user; in memory only, so that nobody else at this browser finds it
let person = ""; // what tells one signed user from another; empty: nobody is signed
let identity = null;
let isStale = false; // the page signed something that the server does not have yet
let life = 0; // grows when another person begins: answers meant for the one before are passed over

const bearer = () => session || token;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- the page around this frame -------------------------------------------------------------------------------------

const tell = (type, more) => {
  if (parentOrigin) parent.postMessage({ source: "assent", version: 1, type, ...more }, parentOrigin);
};
const asToken = (value) => (typeof value === "string" && /^t_[\w-]{43}$/.test(value) ? value : null);
const isSigned = () => Boolean(identity?.user_hash || identity?.user_jwt);
let tokenTold = () => {};

const hears = {
  hello(data) {
    [token, identity, page] = [asToken(data.token), data.identity || null, String(data.page || "").slice(0, 500)];
    remember(data.unsent);
    isProven = !unsent.size; // a first message may still be on its way from the page before
    tell("ready", { accent: say.accent, on: say.on, title: document.title });
    tellUnread();
    begin();
  },
  token(data) {
    const told = asToken(data.token);
    if (told !== token) {
      const wasAnonymous = token && !session;
      [token, isProven, isChosenHere] = [told, false, false];
      if (wasAnonymous && !told) {
        remember(data.unsent);
        begin();
      }
      else if (told && !isSending) setTimeout(poll, 1500); // another page of this visitor is just writing
    }
    tokenTold();
  },
  identity(data) {
    if (JSON.stringify(identity) === JSON.stringify(data.identity || null)) return;
    identity = data.identity || null;
    begin();
  },
  open() {
    isOpen = true;
    opened();
  },
  close() {
    isOpen = false;
    plan();
  },
};
addEventListener("message", ({ data, origin, source }) => {
  if (data?.source !== "assent") return;
  if (source !== parent) return ofForm(source, origin, data);
  if (parent === window || !origins.includes(origin) || !Object.hasOwn(hears, data.type)) return;
  if (parentOrigin ? origin !== parentOrigin : data.type !== "hello") return;
  parentOrigin = origin;
  hears[data.type](data);
});

// --- the server -----------------------------------------------------------------------------------------------------

class Problem extends Error {
  constructor(status, waitS = 0) {
    super(`status ${status}`);
    Object.assign(this, { status, waitS });
  }
}

const call = async (method, path, body) => {
  const headers = {};
  if (bearer()) headers.Authorization = `Bearer ${bearer()}`;
  if (identity) headers["Assent-Identity"] = encodeURIComponent(JSON.stringify(identity));
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`/messenger/api/${path}`, {
    method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(15_000),
  });
  if (!response.ok) throw new Problem(response.status, Number(response.headers.get("Retry-After")) || 0);
  return response.status === 204 ? null : response.json();
};

// Somebody begins: the same page anew, a sign-in, a sign-out.
let begun = Promise.resolve();
const begin = () => (begun = beginning());
const beginning = async () => {
  const mine = ++life;
  [session, person] = [null, ""];
  clear();
  for (let tries = 0; isSigned(); tries += 1) {
    try {
      const answer = await call("GET", "session");
      if (mine !== life) return;
      session = answer.session;
      person = answer.person || "";
      isStale = answer.stale;
      if (session && token) await signIn();
      break;
    } catch (problem) {
      if (mine !== life) return;
      if (problem.status && problem.status < 500 && problem.status !== 429) break;
      failures += 1;
      showState();
      await pause(wait(tries));
      if (mine !== life) return;
    }
  }
  if (mine !== life) return;
  failures = 0;
  restore();
  if (isOpen) opened();
  else poll();
};

// The signed user takes over the chat that began before the sign-in.
const signIn = async () => {
  const before = token;
  await call("POST", "sign-in", before ? { token: before } : {});
  isStale = false;
  if (before) forgetToken();
};
const forgetToken = () => {
  tell("forget", { token });
  token = null;
};

// Nobody knows the token any more, or the session is over: start anew.
const gone = async () => {
  if (!session) forgetToken();
  await begin();
};

let timer;
let isPolling = false;
let failures = 0;
let active = 0; // when something last happened here

const wait = (tries) => Math.min(30_000, 1000 * 2 ** tries) * (0.75 + Math.random() / 2);
const due = () => {
  if (!bearer() || document.hidden) return null;
  if (failures) return wait(failures);
  const idle = Date.now() - active;
  if (!isOpen) return idle < ACTIVE_FOR_MS ? 5000 : CLOSED_MS;
  return idle < ACTIVE_FOR_MS ? 1000 : idle < 3 * ACTIVE_FOR_MS ? 2000 : 5000;
};
const plan = () => {
  clearTimeout(timer);
  const ms = due();
  if (ms !== null) timer = setTimeout(poll, ms);
};

const poll = async () => {
  clearTimeout(timer);
  if (isPolling || !bearer() || (isSending && !session && isChosenHere && !isProven)) return;
  isPolling = true;
  const mine = life;
  let isMore = false;
  try {
    const answer = await call("GET", `poll?after=${[...known].map((pair) => pair.join(":"))}`);
    if (mine === life) {
      [failures, isProven] = [0, true];
      isMore = answer.more;
      heard(answer.conversations);
      wake();
    }
  } catch (problem) {
    if (mine === life && problem.status === 404 && (session || isProven)) {
      isPolling = false;
      return void gone();
    }
    if (mine === life && problem.status !== 404) failures += 1;
  }
  isPolling = false;
  showState();
  if (mine !== life || isMore) poll();
  else plan();
};

addEventListener("online", () => { failures = 0; wake(); poll(); });
addEventListener("offline", () => showState());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
for (const act of ["input", "pointerdown", "keydown"]) {
  addEventListener(act, () => {
    const wasIdle = Date.now() - active > ACTIVE_FOR_MS;
    active = Date.now();
    if (wasIdle) poll();
  }, { passive: true });
}

const showState = (words = "") => {
  const trouble = navigator.onLine === false ? say.offline : failures > 1 ? say.connecting : words;
  if (notice.textContent !== trouble) notice.textContent = trouble;
};

// --- what is sent ---------------------------------------------------------------------------------------------------

let queue = [];
let isSending = false;
let wake = () => {};

const write = (text) => {
  const item = { text, key: crypto.randomUUID?.() ?? randomText(16), at: Date.now(), who: person };
  keep(item);
  enqueue(item);
  active = Date.now();
  toEnd();
  send();
};
const enqueue = (item) => {
  const made = row({ from: "visitor", text: item.text, at: item.at });
  made.dataset.key = item.key;
  list.append(made);
  const queued = { ...item, row: made };
  queue.push(queued);
  mark(queued, say.sending); // at once: what is not sent yet never looks as if it were
};

// What is not sent yet is kept by the page around this frame too, and sent by whichever page of this person is there:
// its key makes it arrive once. What an anonymous visitor wrote goes along with who they turn out to be, as their chat
// does; what a signed user wrote waits for that user.
const unsent = new Map();
const UNSENT_FOR_MS = 7 * 24 * 3600_000;
const keep = (item) => {
  unsent.set(item.key, item);
  tell("unsent", { item });
};
const drop = ({ key }) => {
  unsent.delete(key);
  tell("sent", { key });
};
const remember = (items) => {
  unsent.clear();
  for (const { key, text, at, who } of Array.isArray(items) ? items.filter(Boolean) : []) {
    const isOne = /^[\w-]{1,64}$/.test(key) && typeof text === "string" && text && Number.isFinite(at);
    if (isOne && Date.now() - at < UNSENT_FOR_MS) unsent.set(key, { key, text: text.slice(0, field.maxLength), at, who: String(who ?? "") });
    else tell("sent", { key });
  }
};
const restore = () => {
  for (const item of unsent.values()) {
    if (item.who && item.who !== person) continue;
    if (item.who !== person) keep(Object.assign(item, { who: person }));
    enqueue(item);
  }
  if (queue.length) send();
};

const send = async () => {
  if (isSending) return;
  isSending = true;
  for (let tries = 0; queue.length;) {
    await begun;
    const [item] = queue;
    const mine = life;
    if (!item) break;
    try {
      mark(item, say.sending);
      if (!bearer()) await chooseToken();
      const answer = await call("POST", "messages", {
        text: item.text, client_key: item.key, new: !session && !isProven, locale: document.documentElement.lang,
      });
      if (mine !== life) continue;
      const isFirst = !isProven;
      [isProven, failures, tries] = [true, 0, 0];
      queue.shift();
      drop(item);
      settle(item, answer);
      showState();
      if (isFirst) poll();
      else plan();
    } catch (problem) {
      if (mine !== life) continue;
      if (problem.status === 404) {
        await gone();
        await pause(300);
        continue;
      } else if (problem.status && problem.status < 500 && problem.status !== 429) {
        queue.shift();
        drop(item);
        mark(item, say.refused, "wrong");
        continue;
      }
      tries += 1;
      mark(item, problem.status === 429 ? say.many : say.waiting, "wrong", say.again);
      showState();
      await Promise.race([pause(Math.max(wait(tries - 1), problem.waitS * 1000 || 0)), new Promise((resolve) => { wake = resolve; })]);
    }
  }
  isSending = false;
};

// The token is chosen here and stored before it is first used: what is sent again after a lost answer finds its lead.
const chooseToken = async () => {
  [isProven, isChosenHere] = [false, true];
  const chosen = `t_${randomText(32)}`;
  const told = new Promise((resolve) => { tokenTold = resolve; });
  tell("begin", { token: chosen });
  await Promise.race([told, pause(2000)]);
  token ??= chosen;
};
const randomText = (bytes) =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

const mark = (item, words, kind = "", again = "") => {
  const about = item.row.querySelector(".about");
  about.className = `about ${kind}`;
  about.replaceChildren(words);
  if (!again) return;
  const button = element("button", { type: "button", textContent: again });
  button.addEventListener("click", () => wake());
  about.append(" ", button);
};
const settle = (item, { conversation, number, at }) => {
  if (rows.has(`${conversation}:${number}`)) {
    if (rows.get(`${conversation}:${number}`).row !== item.row) item.row.remove();
  } else {
    place({ conversation, number, at, isTheirs: false, row: item.row });
  }
  about(item.row, { from: "visitor", at });
};

// --- what is shown --------------------------------------------------------------------------------------------------

const rows = new Map(); // "conversation:number" to what is known of the line, its row among it
const known = new Map(); // conversation to the revision that was heard of
const seen = new Map(); // conversation to the last line seen, here or in another browser of this person
const older = new Set(); // conversations that have earlier lines
const unopened = []; // rows of forms that wait for the panel to be opened
let unread = 0;

const clear = () => {
  for (const each of [rows, known, seen, older]) each.clear();
  unopened.length = queue.length = 0;
  list.replaceChildren();
  newer.hidden = earlier.hidden = true;
  unread = 0;
  tellUnread();
};

const heard = (conversations) => {
  if (!conversations.length) return count();
  const isFirst = known.size === 0;
  const atEnd = isAtEnd();
  let isNew = false;
  if (isFirst) log.setAttribute("aria-busy", "true"); // what was said before is not read out
  for (const { id, revision, seen: seenBefore, earlier: hasEarlier, messages } of conversations) {
    if (!known.has(id) && hasEarlier) older.add(id);
    known.set(id, revision);
    seen.set(id, Math.max(seen.get(id) || 0, seenBefore));
    for (const message of messages) isNew = show(id, message) || isNew;
  }
  earlier.hidden = !older.size;
  if (isFirst || (isNew && atEnd)) toEnd();
  else if (isNew) newer.hidden = false;
  if (isNew && !isFirst) active = Date.now();
  if (isFirst) setTimeout(() => log.removeAttribute("aria-busy"), 100);
  count();
};

// True for a line of somebody else that was not there before.
const show = (conversation, message) => {
  if (rows.has(`${conversation}:${message.number}`)) return false;
  const pending = message.client_key && queue.find((item) => item.key === message.client_key);
  const isTheirs = message.from !== "visitor";
  if (pending) about(pending.row, message);
  place({ conversation, number: message.number, at: message.at, isTheirs, row: pending ? pending.row : row(message) });
  return isTheirs;
};
// Within a conversation lines go by number, between conversations by time; what is not sent yet stays at the end.
const place = (line) => {
  const isAfter = (other) =>
    other.conversation === line.conversation ? other.number > line.number : other.at > line.at;
  const lines = [...rows.values()].filter(isAfter);
  const before = lines.reduce((first, each) =>
    (!first || first.row.compareDocumentPosition(each.row) & Node.DOCUMENT_POSITION_PRECEDING ? each : first), null);
  const unsent = [...list.children].find((each) => each.dataset.key && each !== line.row);
  delete line.row.dataset.key;
  rows.set(`${line.conversation}:${line.number}`, line);
  list.insertBefore(line.row, before ? before.row : unsent ?? null);
};

const element = (name, values, ...inside) => {
  const made = Object.assign(document.createElement(name), values);
  made.append(...inside);
  return made;
};
const row = (message) => {
  const made = element("li", { className: message.from === "visitor" ? "mine" : "theirs" });
  if (message.text) made.append(element("div", { className: "words", dir: "auto" }, ...linked(message.text)));
  if (message.form) {
    made.classList.add("form");
    made.dataset.form = message.form.address;
    if (message.form.is_number) made.dataset.isNumber = "";
    if (isOpen) openForm(made);
    else unopened.push(made);
  }
  made.append(element("p", { className: "about" }));
  about(made, message);
  return made;
};
const about = (made, message) => {
  const at = new Date(message.at);
  const isToday = at.toDateString() === new Date().toDateString();
  const shown = at.toLocaleString(document.documentElement.lang, {
    hour: "numeric", minute: "2-digit", ...(isToday ? {} : { day: "numeric", month: "short" }),
  });
  const who = message.from === "visitor"
    ? [element("span", { className: "unseen" }, `${say.you}, `)] : [element("bdi", {}, message.name || say.office), ", "];
  const line = made.querySelector(".about");
  line.className = "about";
  line.replaceChildren(...who, element("time", { dateTime: at.toISOString() }, element("bdi", {}, shown)));
};
const LINK = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'»”])/;
const linked = (text) =>
  text.split(LINK).map((piece, index) => (index % 2
    ? element("a", { href: piece, target: "_blank", rel: "noopener noreferrer nofollow" }, piece) : piece));

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
const toEnd = () => {
  newer.hidden = true;
  requestAnimationFrame(() => { log.scrollTop = log.scrollHeight; });
};
// A form that is taller than the panel is read from its beginning.
const toTop = (made) => {
  log.scrollTop += made.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
};

// Unread are the lines of others after the last one that was seen.
const count = () => {
  if (isOpen && !document.hidden) tellSeen();
  unread = [...rows.values()].filter((line) => line.isTheirs && line.number > (seen.get(line.conversation) || 0)).length;
  tellUnread();
};
const tellUnread = () =>
  tell("unread", { count: unread, label: unread ? say.launchUnread.replace("{count}", unread) : say.launch });
const tellSeen = () => {
  const told = {};
  for (const { conversation, number, isTheirs } of rows.values()) {
    if (isTheirs && number > Math.max(seen.get(conversation) || 0, told[conversation] || 0)) told[conversation] = number;
  }
  if (!Object.keys(told).length) return;
  const mine = life;
  const before = new Map(seen);
  for (const [conversation, number] of Object.entries(told)) seen.set(Number(conversation), number);
  call("POST", "seen", { seen: told }).catch(() => {
    if (mine === life) for (const [conversation, number] of before) seen.set(conversation, number);
  });
};
const showEarlier = async () => {
  const [top, height] = [log.scrollTop, log.scrollHeight];
  for (const conversation of [...older]) {
    const before = Math.min(...[...rows.values()].filter((line) => line.conversation === conversation).map((line) => line.number));
    const answer = await call("GET", `earlier?conversation=${conversation}&before=${before}`).catch(() => null);
    if (!answer) return;
    if (!answer.earlier) older.delete(conversation);
    for (const message of answer.messages) show(conversation, message);
  }
  earlier.hidden = !older.size;
  log.scrollTop = top + log.scrollHeight - height;
  log.focus();
};

// --- inserted forms -------------------------------------------------------------------------------------------------

const openForm = (made) => {
  const address = new URL(made.dataset.form, location.origin);
  if (document.documentElement.dataset.theme) address.searchParams.set("theme", document.documentElement.dataset.theme);
  if (parentOrigin) address.searchParams.set("from", parentOrigin);
  const frame = element("iframe", { title: say.form, src: address });
  frame.addEventListener("load", () =>
    frame.contentWindow.postMessage({ source: "assent", version: 1, type: "hello", page }, location.origin));
  made.prepend(frame);
};
const ofForm = (source, origin, data) => {
  if (origin !== location.origin) return;
  const frame = [...list.querySelectorAll("iframe")].find((each) => each.contentWindow === source);
  if (!frame) return;
  const atEnd = isAtEnd();
  if (data.type === "height" && data.height > 0) {
    const isNew = !frame.style.blockSize;
    frame.style.blockSize = `${data.height + 2}px`;
    if (isNew && atEnd && data.height > log.clientHeight) return toTop(frame);
  }
  if (data.type === "ready" && data.title) frame.title = data.title;
  if (data.type === "submitted") frame.parentElement.querySelector("button")?.remove();
  if (data.type === "ready" && data.state === "saved") offerHelp(frame);
  if (atEnd) toEnd();
};
// Whose number is not theirs says so here: an agent changes it.
const offerHelp = (frame) => {
  const button = element("button", { type: "button", textContent: say.notMine });
  button.addEventListener("click", () => field.focus());
  if ("isNumber" in frame.parentElement.dataset && !frame.parentElement.querySelector("button")) frame.after(button);
};

// --- hands ----------------------------------------------------------------------------------------------------------

const opened = async () => {
  active = Date.now();
  if (matchMedia("(hover: hover)").matches) field.focus();
  else part("close").focus();
  if (isStale) await signIn().catch(() => {});
  for (const made of unopened.splice(0)) openForm(made);
  count();
  toEnd();
  poll();
};
const grow = () => {
  field.dir = field.value ? "auto" : ""; // what one writes reads in its own direction, the hint in the page's
  if (CSS.supports("field-sizing", "content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + 2}px`;
};

part("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  field.focus();
  if (!text) return;
  field.value = "";
  grow();
  write(text);
});
field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  part("write").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell("close");
});
part("close").addEventListener("click", () => tell("close"));
newer.addEventListener("click", toEnd);
earlier.addEventListener("click", showEarlier);
log.addEventListener("scroll", () => { if (isAtEnd()) newer.hidden = true; });
addEventListener("resize", () => { if (isAtEnd()) toEnd(); });
