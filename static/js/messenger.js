// Puts the chat into a page:
//   <script src="https://consent.example.com/messenger.js" data-key="PUBLIC_KEY" async></script>
// window.assent = { user_id, user_hash or user_jwt, name, email, phone } says who the visitor is; Assent.open(), close(),
// update(identity) and shutdown() are for the page's own scripts. data-theme is light or dark, data-lang a language.
// Nothing is fetched before the page has loaded; the button appears when the panel answers. Styles and markup are made
// by script alone, so a strict policy of the page only has to allow our origin.
(() => {
  const script = document.currentScript;
  const key = script?.dataset.key;
  if (!key) {
    console.error("assent: the script needs data-key");
    return;
  }
  if (window.Assent) return;
  const home = new URL(script.src).origin;
  const address = new URL("/messenger/frame", home);
  address.searchParams.set("key", key);
  for (const name of ["theme", "lang"]) if (script.dataset[name]) address.searchParams.set(name, script.dataset[name]);

  // The token stays with the page that the visitor sees; where storage is refused it lasts as long as the page.
  const place = `assent:${key}`;
  let remembered = null;
  const stored = () => {
    try { return localStorage.getItem(place); } catch { return remembered; }
  };
  const store = (token) => {
    remembered = token;
    try {
      if (token) localStorage.setItem(place, token);
      else localStorage.removeItem(place);
    } catch { /* refused: it lasts as long as the page */ }
  };

  // What is written and not sent yet stays with the page as well, so that it survives leaving it.
  const UNSENT = `${place}:unsent`;
  let waiting = [];
  const unsent = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(UNSENT) || "[]");
      return Array.isArray(kept) ? kept : [];
    } catch { return waiting; }
  };
  const keep = (items) => {
    waiting = items;
    try {
      if (items.length) localStorage.setItem(UNSENT, JSON.stringify(items));
      else localStorage.removeItem(UNSENT);
    } catch { /* refused: they last as long as the page */ }
  };
  const others = (key) => unsent().filter((item) => item?.key !== key);

  const STYLE = `
    :host { all: initial; }
    button {
      position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; inline-size: 56px;
      block-size: 56px; padding: 0; border: 1px solid var(--on); border-radius: 50%; background: var(--accent);
      color: var(--on); cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 25%);
    }
    button:hover { filter: brightness(1.08); }
    button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; box-shadow: 0 0 0 3px var(--on); }
    svg { display: block; margin: auto; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    b {
      position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-inline-size: 22px; padding-inline: 6px;
      box-sizing: border-box; border: 1px solid #fff; border-radius: 11px; background: #b3261e; color: #fff;
      font: 700 13px/20px system-ui, sans-serif; text-align: center;
    }
    iframe {
      position: fixed; inset-block-end: 88px; inset-inline-end: 20px; z-index: 2147483000; inline-size: 380px;
      block-size: min(620px, calc(100dvh - 108px)); border: 0; border-radius: 14px; color-scheme: normal;
      box-shadow: 0 8px 40px rgb(0 0 0 / 28%);
    }
    [hidden] { display: none; }
    @media (max-width: 480px) {
      iframe { inset: 0; inline-size: 100%; block-size: 100%; border-radius: 0; }
      button[aria-expanded=true] { display: none; }
    }
    @media (forced-colors: active) { button, b, iframe { border: 2px solid; } }
    @media (prefers-reduced-motion: no-preference) {
      iframe { animation: rise .16s ease-out; }
      @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    }`;
  const [BUBBLE, DOWN] = ["M4 5h16v11H11l-4.500 4V16H4z", "m6 9 6 6 6-6"];
  const make = (name, attributes, parent) => {
    const svg = name === "svg" || name === "path";
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [each, value] of Object.entries(attributes)) made.setAttribute(each, value);
    parent?.append(made);
    return made;
  };

  let root, host, launcher, icon, badge, frame;
  let isOpen = false;
  let isReady = false;
  let identity; // as long as nobody updated it, what window.assent says then

  const tell = (type, more) => frame?.contentWindow?.postMessage({ source: "assent", version: 1, type, ...more }, home);

  const build = () => {
    if (frame) return;
    host = make("div", { id: "assent-messenger" });
    root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    frame = make("iframe", { src: address, title: "Chat", hidden: "", referrerpolicy: "no-referrer" }, root);
    launcher = make("button", { type: "button", hidden: "", "aria-expanded": "false" }, root);
    const svg = make("svg", { width: 26, height: 26, viewBox: "0 0 24 24", "aria-hidden": "true" }, launcher);
    icon = make("path", { d: BUBBLE }, svg);
    badge = make("b", { hidden: "", "aria-hidden": "true" }, launcher);
    launcher.addEventListener("click", () => turn(!isOpen));
    frame.addEventListener("load", hello);
    document.body.append(host);
  };
  const hello = () => tell("hello", { token: stored(), unsent: unsent(), identity: known(), page: location.origin + location.pathname });
  // Only plain values cross over, whatever else the page keeps in the object.
  const known = () => {
    const who = identity === undefined ? window.assent : identity;
    if (!who || typeof who !== "object") return null;
    const names = ["user_id", "user_hash", "user_jwt", "name", "email", "phone"];
    const said = names.filter((name) => who[name] !== undefined && who[name] !== null && who[name] !== "");
    return said.length ? Object.fromEntries(said.map((name) => [name, String(who[name])])) : null;
  };

  const turn = (open) => {
    build();
    if (open === isOpen) return;
    isOpen = open;
    if (!isReady) return;
    frame.hidden = !open;
    hold();
    launcher.setAttribute("aria-expanded", String(open));
    icon.setAttribute("d", open ? DOWN : BUBBLE);
    tell(open ? "open" : "close");
    if (open) frame.focus();
    else launcher.focus();
  };
  // On a phone the panel covers the page, which nobody then reaches behind it.
  const phone = matchMedia("(max-width: 480px)");
  let held = [];
  const hold = () => {
    for (const each of held) each.inert = false;
    const covers = isOpen && isReady && phone.matches;
    held = covers ? [...document.body.children].filter((each) => each !== host && !each.inert) : [];
    for (const each of held) each.inert = true;
  };
  phone.addEventListener("change", hold);

  // Somebody signs out: here, and in the other pages of this site that they have open.
  const OUT = `${place}:out`;
  const forget = () => {
    identity = null;
    keep([]);
    store(null);
    host?.remove();
    host = frame = undefined;
    isOpen = isReady = false;
    hold();
    soon();
  };
  const tellOthers = () => {
    try {
      localStorage.setItem(OUT, "1");
      localStorage.removeItem(OUT);
    } catch { /* refused: the others learn it when they are loaded again */ }
  };

  const hears = {
    ready({ accent, on, title }) {
      host.style.setProperty("--accent", accent);
      host.style.setProperty("--on", on);
      frame.title = title;
      launcher.hidden = false;
      const wasReady = isReady;
      isReady = true;
      if (isOpen && !wasReady) {
        isOpen = false;
        turn(true);
      }
    },
    unread({ count, label }) {
      badge.hidden = !count;
      badge.textContent = count > 9 ? "9+" : count;
      launcher.setAttribute("aria-label", label);
    },
    // Two pages of one visitor may begin at once: what is stored first holds for both.
    begin({ token }) {
      if (!stored()) store(token);
      tell("token", { token: stored() });
    },
    forget({ token }) {
      if (stored() === token) store(null);
    },
    unsent({ item }) {
      keep([...others(item.key), item].slice(-50));
    },
    sent({ key }) {
      keep(others(key));
    },
    close() {
      turn(false);
    },
  };
  addEventListener("message", ({ data, origin, source }) => {
    if (!frame || origin !== home || source !== frame.contentWindow || data?.source !== "assent") return;
    if (Object.hasOwn(hears, data.type)) hears[data.type](data);
  });
  addEventListener("storage", (event) => {
    if (event.key === OUT && event.newValue) forget();
    else if (event.key === place || event.key === null) tell("token", { token: stored(), unsent: unsent() });
  });

  const soon = () => (window.requestIdleCallback || setTimeout)(() => build());
  const update = (said) => {
    identity = said || null;
    tell("identity", { identity: known() });
  };
  window.Assent = {
    open: () => turn(true),
    close: () => turn(false),
    update,
    shutdown() {
      forget();
      tellOthers();
    },
  };
  if (document.readyState === "complete") soon();
  else addEventListener("load", () => setTimeout(soon));
})();
