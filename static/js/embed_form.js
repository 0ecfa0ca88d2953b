// One form in a page, as embed.js places it: the element assent-form.
(() => {
  if (customElements.get("assent-form")) return;
  const page = window[Symbol.for("assent.page")];
  const CLOSE = { de: "Schließen", es: "Cerrar", fr: "Fermer", pt: "Fechar", ar: "إغلاق" };
  const OVER = {
    position: "fixed", zIndex: "2147483000", opacity: "0", boxShadow: "0 4px 24px rgb(0 0 0/.25)", transition: "opacity .2s",
  };
  // The button of the chat is at the bottom, too: a corner is above it, and a banner where it has no room beside it.
  const CHAT = "var(--assent-chat, 0px)";
  const PLACES = {
    corner: { ...OVER, bottom: `calc(16px + ${CHAT})`, insetInlineEnd: "16px", width: "min(380px, calc(100% - 32px))" },
    banner: { ...OVER, bottom: `clamp(0px, (1100px - 100vw) * 1000, ${CHAT})`, insetInline: "0" },
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

  // What this browser remembers of a form over the page, and nothing about the person: when it was shown, or that it was
  // closed or answered. In memory where storage is not allowed.
  const memory = new Map();
  const keyOf = (form) => `assent:form:${form}`;

  // One form in a page. It ends when its element is removed, and begins again where the element is put back,
  // also as a copy from a cache of pages.
  class AssentForm extends HTMLElement {
    static recall(form) {
      try { return localStorage.getItem(keyOf(form)) ?? memory.get(form); } catch { return memory.get(form); }
    }

    static remember(form, what) {
      memory.set(form, what);
      try { localStorage.setItem(keyOf(form), what); } catch { /* not allowed */ }
    }

    connectedCallback() {
      this.address = new URL(this.getAttribute("src"));
      this.isOver = this.address.searchParams.has("place");
      if (this.isOver && AssentForm.recall(this.dataset.form) === "done") return this.remove();
      page.watch(this.follow);
    }

    // A person who refused everything sees no form; another person sees their own.
    follow = () => {
      const { user_id, user_hash, user_jwt } = page.identity();
      const person = page.isRefused() ? null : `${user_hash || user_jwt ? user_id ?? user_jwt : ""} ${user_hash ?? ""}`;
      if (person === this.person) return;
      this.end();
      this.person = person;
      if (person === null) this.style.display = "none";
      else this.start();
    };

    start() {
      this.frame = document.createElement("iframe");
      this.frame.title = this.dataset.title || "Sign up";
      if (!this.dataset.title) this.lang = "en";
      this.frame.loading = "lazy"; // else the load event of the page waits for it
      this.frame.referrerPolicy = "strict-origin-when-cross-origin";
      this.dress(Object.fromEntries(this.address.searchParams));
      this.frame.addEventListener("load", () => this.frame?.src && this.loaded());
      for (const type of LISTENED) addEventListener(type, this, true);
      window.navigation?.addEventListener("currententrychange", this);
      this.replaceChildren(this.frame);
      this.previous = document.activeElement;
      if (this.isOver) this.append(this.closeButton());
      this.isShown = false;
      this.open(this.frame);
    }

    // The address has what the script that made this element asked for.
    dress({ theme, radius = 12, background, place }) {
      const isBox = background !== "transparent" && place !== "banner";
      Object.assign(this.style, { display: "block" }, PLACES[place] || { width: "100%", maxWidth: isBox ? "520px" : "" });
      Object.assign(this.frame.style, {
        display: "block", boxSizing: "border-box", width: "100%", height: "420px", maxHeight: place ? `calc(90vh - ${CHAT})` : "",
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
      this.rememberDone();
      if (this.contains(document.activeElement)) this.giveFocusBack();
      this.remove();
    }

    rememberDone() {
      if (this.isOver) AssentForm.remember(this.dataset.form, "done");
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

    // A signed user of this page gets a personal address; all others the public one.
    async open(frame) {
      const { user_id, user_hash, user_jwt } = page.identity();
      const response = user_jwt || user_hash ? await this.identify({ user_id, user_hash, user_jwt }) : null;
      const { embed_url, identity_problem } = (await response?.json().catch(() => null)) || {};
      if (identity_problem) page.say(`identity: ${identity_problem}. See /admin/website`);
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
      page.unwatch(this.follow);
      this.end();
      this.person = undefined;
    }

    end() {
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
      if (this.isOver && !this.isShown && !this.showOver(data)) return;
      const borders = this.frame.offsetHeight - this.frame.clientHeight;
      if (data.type === "height" && data.height > 0) this.frame.style.height = `${data.height + borders}px`;
      if (data.type === "ready") this.introduce(data);
      this.report(data);
    }

    // A form over the page appears when it has something to ask; returns whether it does.
    showOver({ state }) {
      if (state === "signed_up") this.rememberDone();
      if (state === "signed_up" || state === "unavailable") return this.remove();
      AssentForm.remember(this.dataset.form, String(Date.now()));
      this.style.opacity = "";
      return (this.isShown = true);
    }

    introduce({ title, lang }) {
      if (this.isOver && lang) this.speak(lang);
      if (this.dataset.title || !title) return;
      this.frame.title = title;
      if (this.isOver) this.ariaLabel = title;
      if (lang) this.lang = lang;
    }

    report(detail) {
      if (detail.type === "verified" || (detail.type === "submitted" && detail.state === "done")) this.rememberDone();
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
  customElements.define("assent-form", AssentForm);
})();
