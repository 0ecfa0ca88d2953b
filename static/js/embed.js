// Puts an opt-in form into a page:
//   <script src="https://consent.example.com/embed.js" data-form="FORM_KEY" async></script>
// The form appears after the script (in the head: at the end of the page), or in the element that data-target (a selector)
// names. data-theme is light or dark; without it the form follows the color-scheme of the page. data-lang is its language,
// data-title the name of its frame. data-background is card (with a border) or transparent, data-radius rounds corners by
// 0 to 24 px. data-place is inline, or corner or banner: over the page. Its button and Escape close it permanently; while it
// would cover what has the focus in the page, it moves away. A form over the page appears immediately; with data-after when
// so many seconds have passed, with data-scroll when so many percent of the page were scrolled, with data-exit when the
// pointer leaves the page at its top: whichever happens first, and once for each visitor, or with data-again once in so
// many days. Visitors who closed or answered it do not see it again.
// data-wait lets it wait for Assent.allow().
// For tag managers, which drop data-…, each option may also be in the script's address:
// embed.js?form=FORM_KEY&target=%23place.
// window.assent, with which the page signs its visitor (see messenger.js), makes the form show their saved number, masked.
// The form's messages arrive as DOM events on its frame: assent:ready, assent:height, assent:submitted, assent:verified,
// assent:error, each with the message as event.detail.
(() => {
  const script = document.currentScript;
  const page = window[Symbol.for("assent.page")];
  const option = page.options(script);
  const form = option("form");
  if (!form) return page.say("embed.js needs data-form, or ?form= in its address");
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

  const has = (name) => option(name, null) !== null;
  const isTriggered = Boolean(place && (option("after") || option("scroll") || has("exit")));
  const DAY_MS = 86_400_000;
  const mayShow = () => {
    const memory = place && customElements.get("assent-form").recall(form);
    if (!memory) return true;
    if (memory === "done") return false;
    return option("again") ? Date.now() - Number(memory) >= Number(option("again")) * DAY_MS : !isTriggered;
  };
  // Calls `show` when the first of the triggers happens.
  const whenDue = (show) => {
    const stop = new AbortController();
    const due = () => {
      if (stop.signal.aborted) return;
      stop.abort();
      show();
    };
    const checkScroll = () => {
      const whole = document.documentElement.scrollHeight - innerHeight;
      if (scrollY >= (whole * Number(option("scroll"))) / 100) due();
    };
    const checkExit = ({ relatedTarget, clientY }) => !relatedTarget && clientY <= 0 && due();
    if (option("after")) setTimeout(due, Number(option("after")) * 1000);
    if (has("exit")) document.addEventListener("mouseout", checkExit, stop);
    if (!option("scroll")) return;
    addEventListener("scroll", checkScroll, { passive: true, signal: stop.signal });
    if (document.readyState === "complete") checkScroll();
    else addEventListener("load", checkScroll, { once: true });
  };

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
  const findTarget = () => {
    try { return document.querySelector(option("target")); } catch { return null; } // none, or no selector
  };
  const mount = () => {
    if (!mayShow()) return;
    const target = findTarget();
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
    if (option("target") && !findTarget()) console.warn(`assent: no element matches data-target ${option("target")}`);
    const places = (window[Symbol.for("assent.embed")] ??= watchBody());
    places.set(`${address} ${option("target")}`, mount);
  };
  page.begin(option, () => {
    // Admins see on which pages the form is, also where it is not allowed yet.
    const seen = { key: form, script: "embed", page: location.origin + location.pathname };
    if (!page.isRefused()) navigator.sendBeacon?.(new URL("/site/seen", script.src), JSON.stringify(seen));
    const start = () => (isTriggered ? whenDue(begin) : begin());
    const waits = isInHead || option("target");
    if (waits && document.readyState === "loading") addEventListener("DOMContentLoaded", start, { once: true });
    else start();
  });
})();
