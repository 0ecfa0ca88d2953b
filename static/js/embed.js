// Puts an opt-in form into a page:
//   <script src="https://consent.example.com/embed.js" data-form="FORM_KEY" async></script>
// The form appears after the script (in the head: at the end of the page), or in the element that data-target (a selector)
// names. data-theme is light or dark; without it the form follows the color-scheme of the page. data-lang is its language,
// data-title the name of its frame. data-background is card (with a border) or transparent, data-radius rounds corners by
// 0 to 24 px. data-place is inline, or corner or banner: over the page. Its button and Escape close it until the next visit; while
// it would cover what has the focus in the page, it moves away.
// For tag managers, which drop data-…, each option may also be in the script's address:
// embed.js?form=FORM_KEY&target=%23place.
// window.assent, with which the page signs its visitor (see messenger.js), makes the form show their saved number, masked.
// The form's messages arrive as DOM events on its frame: assent:ready, assent:height, assent:submitted, assent:verified,
// assent:error, each with the message as event.detail.
(() => {
  const script = document.currentScript;
  const inAddress = script?.src ? new URL(script.src).searchParams : new Map();
  const option = (name) => script?.dataset[name] ?? inAddress.get(name) ?? "";
  const form = option("form");
  if (!form) {
    console.error("assent: the script needs data-form, or ?form= in its address");
    return;
  }
  const address = new URL(`/f/form/${encodeURIComponent(form)}`, script.src);
  // A form in a light page stays light, whatever the system is; only a page that says light dark follows the system.
  const pageTheme = () => {
    const inHead = document.querySelector("meta[name=color-scheme]")?.content;
    const declared = `${getComputedStyle(document.documentElement).colorScheme} ${inHead}`;
    if (!/\bdark\b/.test(declared)) return "light";
    return /\blight\b/.test(declared) ? "" : "dark";
  };
  const theme = option("theme") || pageTheme();
  const place = ["corner", "banner"].includes(option("place")) ? option("place") : "";
  const radius = option("radius") && Math.min(24, Math.max(0, Number.parseInt(option("radius"), 10) || 0));
  const background = option("background") === "transparent" ? "transparent" : "";
  const look = { theme, lang: option("lang"), radius, background, place };
  for (const [name, value] of Object.entries(look)) if (value !== "") address.searchParams.set(name, value);

  const CLOSE = { de: "Schließen", es: "Cerrar", fr: "Fermer", pt: "Fechar", ar: "إغلاق" };
  const OVER = {
    position: "fixed", zIndex: "2147483000", opacity: "0", boxShadow: "0 4px 24px rgb(0 0 0/.25)", transition: "opacity .2s",
  };
  const PLACES = {
    corner: { ...OVER, bottom: "16px", insetInlineEnd: "16px", width: "min(380px, calc(100% - 32px))" },
    banner: { ...OVER, bottom: "0", insetInline: "0" },
  };
  // A form over the page that was closed stays closed during the visit.
  const closedKey = (key) => `assent:closed:${key}`;
  const isClosed = () => {
    try { return Boolean(place && sessionStorage.getItem(closedKey(form))); } catch { return false; }
  };

  const LISTENED = ["message", "blur", "focusin", "keydown", "scroll"];
  const isEscape = ({ key, isComposing, defaultPrevented }) => key === "Escape" && !isComposing && !defaultPrevented;
  const READY_MS = 4000; // an open form answers hello immediately
  const REASONS = { 403: "origin_not_allowed", 404: "unknown_form" };
  const explain = (code, { origin, pathname }) => ({
    origin_not_allowed: `${location.origin} is not among this form's allowed origins: ${origin}/admin/forms`,
    unknown_form: `no form has the key ${decodeURIComponent(pathname.split("/").pop())}: ${origin}/admin/forms`,
    not_shown: `the form did not open. Check that ${origin} can be reached, that ${location.origin} is among the form's allowed origins (${origin}/admin/forms), and that this page's content security policy allows ${origin} in frame-src`,
  })[code];

  // One form in a page. It ends when its element is removed, and begins again where the element is put back,
  // also as a copy from a cache of pages.
  class AssentForm extends HTMLElement {
    connectedCallback() {
      this.address = new URL(this.getAttribute("src"));
      this.frame = document.createElement("iframe");
      this.frame.title = this.dataset.title || "Sign up";
      if (!this.dataset.title) this.lang = "en";
      this.frame.referrerPolicy = "strict-origin-when-cross-origin";
      this.dress(Object.fromEntries(this.address.searchParams));
      this.frame.addEventListener("load", () => this.frame?.src && this.loaded());
      for (const type of LISTENED) addEventListener(type, this, true);
      window.navigation?.addEventListener("currententrychange", this);
      this.replaceChildren(this.frame);
      this.isOver = this.style.position === "fixed";
      this.previous = document.activeElement;
      if (this.isOver) this.append(this.closeButton());
      this.open(this.frame, window.assent || {});
    }

    // The address has what the script that made this element asked for.
    dress({ theme, radius = 12, background, place }) {
      const isBox = background !== "transparent" && place !== "banner";
      Object.assign(this.style, { display: "block" }, PLACES[place] || { width: "100%", maxWidth: isBox ? "520px" : "" });
      Object.assign(this.frame.style, {
        display: "block", boxSizing: "border-box", width: "100%", height: "420px", maxHeight: place ? "90vh" : "",
        border: isBox ? "1px solid rgb(128 128 128/.4)" : "0",
        colorScheme: theme || "light dark", // as the form's page: else the browser paints white below it
      });
      for (const each of [this, this.frame]) each.style.borderRadius = isBox ? `${radius}px` : "";
    }

    closeButton() {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: "×" });
      Object.assign(button.style, {
        position: "absolute", insetBlockStart: "4px", insetInlineEnd: "4px", width: "44px", height: "44px", padding: "0",
        border: "0", background: "none", font: "24px/1 sans-serif", color: "#808080", cursor: "pointer",
      });
      button.addEventListener("click", () => this.close());
      this.button = button;
      this.speak(this.address.searchParams.get("lang") || document.documentElement.lang || navigator.language);
      return button;
    }

    // The button has the language of the form, and says so.
    speak(language) {
      const known = language.slice(0, 2) in CLOSE;
      this.button.lang = known ? language : "en";
      this.button.setAttribute("aria-label", known ? CLOSE[language.slice(0, 2)] : "Close");
    }

    close() {
      try { sessionStorage.setItem(closedKey(this.dataset.form), "1"); } catch { /* it comes back with the next page */ }
      if (this.contains(document.activeElement)) this.giveFocusBack();
      this.remove();
    }

    // To what had it before the form; where that is gone or nothing had it, to the place of the form.
    giveFocusBack() {
      this.previous?.focus?.();
      if (!this.contains(document.activeElement) && document.activeElement !== document.body) return;
      const place = document.createElement("span");
      place.tabIndex = -1;
      place.addEventListener("blur", () => place.remove(), { once: true });
      this.after(place);
      place.focus({ preventScroll: true });
    }

    // A form over the page moves away while it covers what has the focus. It can still get the focus itself.
    stepAside() {
      const focused = document.activeElement;
      this.style.translate = "";
      if (!focused || focused === document.body || this.contains(focused)) return;
      this.previous = focused;
      if (!focused.matches(":focus-visible")) return;
      const { x, y, width, height } = focused.getBoundingClientRect();
      if (this.contains(document.elementFromPoint(x + width / 2, y + height / 2))) this.style.translate = "0 200vh";
    }

    // A signed user of this page gets an address of their own; everybody else the public one.
    async open(frame, { user_id, user_hash, user_jwt }) {
      const response = user_jwt || user_hash ? await this.identify({ user_id, user_hash, user_jwt }) : null;
      const { embed_url, identity_problem } = (await response?.json().catch(() => null)) || {};
      if (identity_problem) console.error(`assent: the visitor is not signed in: ${identity_problem}`);
      const address = new URL(this.address);
      if (embed_url) address.pathname = new URL(embed_url).pathname;
      frame.src = address;
    }

    identify(identity) {
      const { origin, pathname } = this.address;
      const body = JSON.stringify(identity);
      return fetch(`${origin}${pathname}/identify`, { method: "POST", body, credentials: "omit" }).catch(() => null);
    }

    disconnectedCallback() {
      for (const type of LISTENED) removeEventListener(type, this, true);
      window.navigation?.removeEventListener("currententrychange", this);
      clearTimeout(this.timer);
      this.replaceChildren();
      this.frame = null; // a framework may keep the element
    }

    handleEvent(event) {
      if (event.type === "message") return this.receive(event);
      if (event.type === "keydown") return this.isOver && isEscape(event) && this.contains(event.target) && this.close();
      if (this.isOver) this.stepAside();
      if (this.page && this.page !== this.currentPage()) this.sayHello(); // evidence names the page of the answer
    }

    currentPage() {
      return location.origin + location.pathname;
    }

    sayHello() {
      this.page = this.currentPage();
      this.frame.contentWindow?.postMessage({ source: "assent", version: 1, type: "hello", page: this.page }, this.address.origin);
    }

    loaded() {
      this.sayHello();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.collapse(), READY_MS);
    }

    receive({ data, origin, source }) {
      if (origin !== this.address.origin || source !== this.frame.contentWindow || data?.source !== "assent") return;
      if (data.type === "close") return void (this.isOver && this.close());
      clearTimeout(this.timer);
      this.frame.style.visibility = "";
      this.style.opacity = "";
      const borders = this.frame.offsetHeight - this.frame.clientHeight;
      if (data.type === "height" && data.height > 0) this.frame.style.height = `${data.height + borders}px`;
      if (data.type === "ready") this.introduce(data);
      this.report(data);
    }

    introduce({ title, lang }) {
      if (this.isOver && lang) this.speak(lang);
      if (this.dataset.title || !title) return;
      this.frame.title = title;
      if (this.isOver) this.ariaLabel = title;
      if (lang) this.lang = lang;
    }

    report(detail) {
      this.frame.dispatchEvent(new CustomEvent(`assent:${detail.type}`, { bubbles: true, detail }));
    }

    // The browser shows its own page where a form may not be shown. The server knows why.
    async collapse() {
      const { frame, timer } = this;
      const response = await this.identify({});
      if (response?.ok || frame !== this.frame || timer !== this.timer || !this.isConnected) return;
      const code = REASONS[response?.status] || "not_shown";
      Object.assign(frame.style, { height: "0", border: "0", visibility: "hidden" });
      if (this.style.position === "fixed") this.style.display = "none";
      console.error(`assent: ${explain(code, this.address)}`);
      this.report({ source: "assent", version: 1, form: this.dataset.form, type: "error", code });
    }
  }
  if (!customElements.get("assent-form")) customElements.define("assent-form", AssentForm);

  const create = () => {
    const created = document.createElement("assent-form");
    created.setAttribute("src", address);
    created.dataset.form = form;
    if (option("title")) created.dataset.title = option("title");
    if (place) Object.assign(created, { role: "complementary", ariaLabel: option("title") || "Sign up" });
    return created;
  };
  // A place has the form once, however often its script runs.
  const isThisForm = (element) => element?.localName === "assent-form" && element.dataset.form === form;
  // Two scripts beside each other are one place, whichever of them runs first.
  const neighbor = (side) => {
    let element = script[`${side}ElementSibling`];
    while (element?.localName === "script") element = element[`${side}ElementSibling`];
    return element;
  };
  const isInHead = document.head.contains(script);
  const mount = () => {
    if (isClosed()) return;
    const target = option("target") ? document.querySelector(option("target")) : null;
    const parent = target || (isInHead && !option("target") && document.body);
    if (parent) {
      if (![...parent.children].some(isThisForm)) parent.append(create());
    } else if (!isInHead && script.parentNode && ![neighbor("previous"), neighbor("next")].some(isThisForm)) {
      script.after(create());
    }
  };

  // A script in the head runs once, and libraries such as Turbo and htmx replace the body again and again.
  const watchBody = () => {
    const places = new Map();
    let body;
    const observer = new MutationObserver((records) => {
      const removed = records.flatMap((record) => [...record.removedNodes]).filter((node) => node.nodeType === Node.ELEMENT_NODE);
      if (!document.body || (document.body === body && removed.length < 2)) return; // a form that is removed alone stays away
      observe();
      for (const again of places.values()) again();
    });
    const observe = () => {
      body = document.body;
      observer.disconnect();
      for (const each of [document.documentElement, body]) observer.observe(each, { childList: true });
    };
    observe();
    return places;
  };
  const begin = () => {
    mount();
    if (!isInHead) return;
    if (option("target") && !document.querySelector(option("target"))) console.warn(`assent: no element matches data-target ${option("target")}`);
    const places = (window[Symbol.for("assent.embed")] ??= watchBody());
    places.set(`${address} ${option("target")}`, mount);
  };
  // Admins see on which origins the form is, also where it is not allowed yet.
  navigator.sendBeacon?.(new URL("/site/seen", script.src), JSON.stringify({ key: form, script: "embed" }));

  const waits = isInHead || option("target");
  if (waits && document.readyState === "loading") addEventListener("DOMContentLoaded", begin, { once: true });
  else begin();
})();
