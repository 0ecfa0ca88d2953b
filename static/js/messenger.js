// Puts the chat into a page:
//   <script src="https://consent.example.com/messenger.js" data-key="PUBLIC_KEY" async></script>
// window.assent = { user_id, user_hash or user_jwt, name, email, phone } identifies the visitor. For the page's own scripts:
// Assent.open() and close(); hide() takes button and panel off the page, show() or open() brings them back;
// update(identity) identifies another visitor, shutdown() signs out. data-theme is light or dark, data-lang a language. For
// tag managers, which drop data-…, each may also be in the script's address: messenger.js?key=PUBLIC_KEY. data-wait lets the
// chat wait for Assent.allow(): until then nothing is fetched or sent. A visitor whom the page says gdpr_optin false of has
// no chat.
// Nothing is fetched before the page has loaded; the button appears when the panel is ready. Styles and markup are
// created by script, so a strict content security policy of the page only has to allow our origin.
(() => {
  const script = document.currentScript;
  const shared = window[Symbol.for("assent.page")];
  const option = shared.options(script);
  const key = option("key");
  if (!key) return shared.say("messenger.js needs data-key, or ?key= in its address");
  if (window.Assent.again) return window.Assent.again();
  const home = new URL(script.src).origin;
  const address = new URL("/messenger/frame", home);
  address.searchParams.set("key", key);
  for (const name of ["theme", "lang"]) if (option(name)) address.searchParams.set(name, option(name));

  // This page stores the visitor's token; where storage is not allowed, in memory until the page is left.
  const storageKey = `assent:${key}`;
  let tokenInMemory = null;
  const stored = () => {
    try { return localStorage.getItem(storageKey); } catch { return tokenInMemory; }
  };
  const save = (name, text) => {
    try {
      if (text) localStorage.setItem(name, text);
      else localStorage.removeItem(name);
    } catch { /* not allowed */ }
  };
  const store = (token) => {
    tokenInMemory = token;
    save(storageKey, token);
  };

  // It also stores unsent messages, and what bots greeted this browser with.
  const listIn = (name) => {
    let inMemory = [];
    return [() => {
      try { return [].concat(JSON.parse(localStorage.getItem(name)) ?? []); } catch { return inMemory; }
    }, (items) => {
      inMemory = items;
      save(name, items.length ? JSON.stringify(items) : "");
    }];
  };
  const [unsent, keep] = listIn(`${storageKey}:unsent`);
  const [greeted, keepGreeted] = listIn(`${storageKey}:greeted`);
  const otherUnsent = (key) => unsent().filter((item) => item?.key !== key);

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
    [hidden], :host([hidden]) { display: none !important; }
    @media print { :host { display: none !important; } }
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
  const create = (name, attributes, parent) => {
    const svg = name === "svg" || name === "path";
    const created = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [each, value] of Object.entries(attributes)) created.setAttribute(each, value);
    parent?.append(created);
    return created;
  };

  let root, host, launcher, icon, badge, frame;
  let isOpen = false;
  let isReady = false;
  let isHidden = false;
  let isAllowed = false; // with data-wait not before the page allows it
  let known; // the identity that the panel knows, since it loaded
  let page; // the address that the panel knows

  const postToPanel = (type, more) => frame?.contentWindow?.postMessage({ source: "assent", version: 1, type, ...more }, home);

  const build = () => {
    if (host) return;
    host = create("div", { id: "assent-messenger" });
    root = host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch { // Safari before 16.4
      create("style", {}, root).textContent = STYLE;
    }
    frame = create("iframe", { src: address, title: "Chat", hidden: "", referrerpolicy: "no-referrer" }, root);
    launcher = create("button", { type: "button", hidden: "", "aria-expanded": "false" }, root);
    const svg = create("svg", { width: 26, height: 26, viewBox: "0 0 24 24", "aria-hidden": "true" }, launcher);
    icon = create("path", { d: BUBBLE }, svg);
    badge = create("b", { hidden: "", "aria-hidden": "true" }, launcher);
    launcher.addEventListener("click", () => setOpen(!isOpen));
    frame.addEventListener("load", sayHello);
    // Admins see on which origins the messenger is, also where it is not allowed yet.
    navigator.sendBeacon?.(`${home}/site/seen`, JSON.stringify({ key, script: "messenger", page: currentPage() }));
  };
  // The host element is beside the body, which libraries such as Turbo and htmx replace: a frame that is moved loads again.
  // Where the page removes it, it is put back, unless the page keeps removing it.
  let [attachedAtMs, removals] = [0, 0];
  const attach = () => {
    if (isHidden || !document.body || !isAllowed || shared.isRefused()) return;
    build();
    if (host.isConnected) return;
    for (const stale of document.querySelectorAll("#assent-messenger")) stale.remove();
    [isReady, known, attachedAtMs] = [false, undefined, Date.now()];
    document.documentElement.append(host);
    followBody();
    observer.observe(document.documentElement, { childList: true });
  };
  const observer = new MutationObserver(() => {
    if (host && !host.isConnected) {
      removals = Date.now() - attachedAtMs < 1000 ? removals + 1 : 0;
      if (removals < 5) attach();
    }
    if (document.body) followBody();
  });
  const followBody = () => {
    host.dir = getComputedStyle(document.body).direction;
    updateInert();
    reportPage();
  };
  const currentPage = () => location.origin + location.pathname;
  const sayHello = () => {
    page = currentPage();
    known = JSON.stringify(shared.identity());
    postToPanel("hello", { token: stored(), unsent: unsent(), greeted: greeted(), identity: identity(), page });
  };
  // A page that changes its address without loading is another page for the evidence of a form.
  const reportPage = () => {
    if (!isReady || page === currentPage()) return;
    page = currentPage();
    postToPanel("page", { page });
  };
  addEventListener("blur", reportPage); // the visitor may have pressed something in the panel
  window.navigation?.addEventListener("currententrychange", reportPage);
  const identity = () => {
    const who = shared.identity();
    return Object.keys(who).length ? who : null;
  };
  // The page may name another visitor, or say that this one refused everything.
  const follow = () => {
    if (shared.isRefused()) return detach();
    if (!host) return attachWhenIdle();
    const now = JSON.stringify(shared.identity());
    if (!known || known === now) return;
    known = now;
    postToPanel("identity", { identity: identity() });
  };

  const setOpen = (open) => {
    if (open === isOpen) return;
    isOpen = open;
    if (!isReady) return;
    frame.hidden = !open;
    updateInert();
    launcher.setAttribute("aria-expanded", String(open));
    icon.setAttribute("d", open ? DOWN : BUBBLE);
    reportPage();
    postToPanel(open ? "open" : "close");
    if (open) frame.focus();
    else launcher.focus();
  };
  // Button and panel move away while they cover what has the focus in the page.
  const move = (translate) => {
    for (const { style } of [launcher, frame]) style.translate = translate;
  };
  const stepAside = () => {
    if (!host) return;
    move("");
    const focused = document.activeElement;
    if (focused === host || !focused?.matches(":focus-visible")) return;
    const { x, y, width, height } = focused.getBoundingClientRect();
    if (document.elementFromPoint(x + width / 2, y + height / 2) === host) move("0 200vh");
  };
  for (const type of ["focusin", "blur", "scroll"]) addEventListener(type, stepAside, true);

  // On a phone the panel covers the page; focus must not reach the page behind it.
  const phone = matchMedia("(max-width: 480px)");
  const INERT = "data-assent-inert"; // marks a body that is inert because of the panel, also in a cache of pages
  const updateInert = () => {
    const { body } = document;
    if (isOpen && isReady && phone.matches) {
      if (!body.inert) body.inert = body.toggleAttribute(INERT, true);
    } else if (body.hasAttribute(INERT)) {
      body.inert = body.toggleAttribute(INERT, false);
    }
  };
  phone.addEventListener("change", updateInert);

  // Signs out: here, and in the other open pages of this site.
  const SIGNED_OUT = `${storageKey}:out`;
  const signOut = () => {
    keep([]);
    keepGreeted([]);
    store(null);
    detach();
    shared.update(null);
    attachWhenIdle();
  };
  const detach = () => {
    observer.disconnect();
    host?.remove();
    host = frame = known = undefined;
    isOpen = isReady = false;
    updateInert();
    takeRoom();
  };
  const notifyOtherPages = () => {
    try {
      localStorage.setItem(SIGNED_OUT, "1");
      localStorage.removeItem(SIGNED_OUT);
    } catch { /* not allowed: the others notice it when they are loaded again */ }
  };

  // While the button is shown, forms of embed.js over the page leave it this room at the bottom.
  const takeRoom = () => {
    const room = host && !host.hidden && !launcher.hidden ? "80px" : "";
    document.documentElement.style.setProperty("--assent-chat", room);
  };

  const handlers = {
    ready({ accent, on, title }) {
      host.style.setProperty("--accent", accent);
      host.style.setProperty("--on", on);
      frame.title = title;
      launcher.hidden = false;
      takeRoom();
      const wasReady = isReady;
      isReady = true;
      if (isOpen && !wasReady) {
        isOpen = false;
        setOpen(true);
      }
    },
    unread({ count, label }) {
      badge.hidden = !count;
      badge.textContent = count > 9 ? "9+" : count;
      launcher.setAttribute("aria-label", label);
    },
    // Two pages of one visitor may choose a token at the same time: both use the one that is stored first.
    begin({ token }) {
      if (!stored()) store(token);
      postToPanel("token", { token: stored() });
    },
    forget({ token }) {
      if (stored() === token) store(null);
    },
    unsent({ item }) {
      keep([...otherUnsent(item.key), item].slice(-50));
    },
    sent({ key }) {
      keep(otherUnsent(key));
    },
    greeted: ({ items }) => keepGreeted(items),
    problem({ problem, line }) {
      shared.say(line, `identity: ${problem}. See /admin/website`); // the line of our other scripts
    },
    close() {
      setOpen(false);
    },
  };
  addEventListener("message", ({ data, origin, source }) => {
    if (!frame || origin !== home || source !== frame.contentWindow || data?.source !== "assent") return;
    if (Object.hasOwn(handlers, data.type)) handlers[data.type](data);
  });
  addEventListener("storage", (event) => {
    if (event.key === SIGNED_OUT && event.newValue) signOut();
    else if (event.key === storageKey || event.key === null) postToPanel("token", { token: stored(), unsent: unsent() });
  });

  const attachWhenIdle = () => (window.requestIdleCallback || setTimeout)(() => attach());
  const show = () => {
    isHidden = false;
    if (host) host.hidden = false;
    attach();
    takeRoom();
  };
  Object.assign(window.Assent, {
    open() {
      show();
      setOpen(true);
    },
    close: () => setOpen(false),
    hide() {
      setOpen(false);
      isHidden = true;
      if (host) host.hidden = true;
      takeRoom();
    },
    show,
    update(given) {
      shared.update(given || null);
    },
    shutdown() {
      signOut();
      notifyOtherPages();
    },
    // The script ran again, in a body that replaced the one before. That body may name another visitor.
    again() {
      removals = 0;
      if (!host?.isConnected) attachWhenIdle();
    },
  });
  shared.begin(option, () => {
    isAllowed = true;
    const start = () => shared.watch(follow);
    if (document.readyState === "complete") start();
    else addEventListener("load", () => setTimeout(start));
  });
})();
