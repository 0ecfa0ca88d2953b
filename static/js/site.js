// Sends what a page says about its visitor, when it changes:
//   <script src="https://consent.example.com/site.js" data-key="PUBLIC_KEY" async></script>
// It reads window.insider_object.user, else the user in window.InsiderQueue, and window.assent. It stores nothing in the
// browser. data-wait lets it wait for Assent.allow(). For tag managers, both may be in its address: site.js?key=PUBLIC_KEY.
(() => {
  const script = document.currentScript;
  const page = window[Symbol.for("assent.page")];
  const option = page.options(script);
  const key = option("key");
  if (!key) return page.say("site.js needs data-key, or ?key=");
  if (page.site) return;
  page.site = true;
  const MENDS = {
    not_a_boolean: "true or false, no quotes",
    not_a_string: "text in quotes",
    not_e164: "as +447400123456",
    empty: "omit the key",
    junk: "only when signed in",
  };
  const refuse = (what, reason) => page.say(`${what}: ${reason}. ${MENDS[reason] ?? "See /admin/website"}`);
  // What was sent last, by path.
  const sent = new Map();
  let path, sinceMs, stopped, last;

  // Values keep their type, so that the server can name a wrong one. What is nested stays in the page.
  const pick = (user) => {
    const picked = {};
    for (const name of ["phone_number", "sms_optin", "gdpr_optin", "uuid", "email"]) {
      const value = user[name];
      if (value === null || value === "") refuse(name, "empty");
      else picked[name] = typeof value === "object" ? {} : value;
    }
    return picked;
  };

  const send = async (from, body) => {
    try {
      const request = { method: "POST", body, keepalive: true, credentials: "omit" };
      const response = await fetch(new URL("/site/collect", script.src), request);
      if (response.status > 428) throw response;
      const { error, refused = [] } = await response.json();
      if (error) refuse(location.origin, error);
      for (const { field, reason } of refused) refuse(field, reason);
    } catch {
      page.say("site.js cannot send: see connect-src");
      // Later it counts as not sent.
      setTimeout(() => (stopped = sent.delete(from)), 60000);
    }
  };

  const look = () => {
    const { user, source } = page.said();
    if (path !== location.pathname || document.readyState !== "complete") [path, sinceMs] = [location.pathname, Date.now()];
    const picked = user ? pick(user) : null;
    // A stop is sent once, and nothing after it.
    const person = page.isRefused() && `${picked?.uuid} ${picked?.phone_number}`;
    if (person && (!user || person === stopped)) return;
    stopped = person;
    // After a sign-out the page may still name the user: that is no news.
    const { user_id, user_hash, user_jwt } = page.identity();
    const values = JSON.stringify([picked, source]);
    const who = [user_id, user_hash, user_jwt].join("");
    const before = sent.get(path) ?? "";
    if (who ? before === values + who : before.startsWith(values)) return;
    // A page may set its user after it changed its address. That it has none is sent once.
    if ((!user && before) || ((!user || last === values) && Date.now() - sinceMs < 2000)) return;
    last = values;
    sent.set(path, values + who);
    if (source === "both") page.say("insider_object.user and InsiderQueue: keep one");
    send(path, JSON.stringify({ key, page: location.origin + path, user: picked, source, user_id, user_hash, user_jwt }));
  };
  page.begin(option, () => page.watch(look));
})();
