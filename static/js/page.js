// What our scripts in one page share, in any order and however often they run. Later versions only add to it.
(() => {
  const PAGE = Symbol.for("assent.page");
  if (window[PAGE]) return window[PAGE].look();
  const watchers = new Set();
  const lines = new Set();
  let given, onPage, queued, refused, allowed, stop, timer;

  // window.assent, or what update() was given since the page set it. Only these values, whatever else it has.
  const identity = () => {
    if (window.assent !== onPage) given = undefined;
    const who = given === undefined ? window.assent : given;
    const names = "user_id user_hash user_jwt name email phone".split(" ");
    return Object.fromEntries(names.map((name) => [name, String(who?.[name] ?? "")]).filter(([, value]) => value));
  };

  // Entries about one person add up. Consent to texts is for one number.
  const merge = (user, value) => {
    const differs = (name) => user[name] && value[name] && user[name] !== value[name];
    if (!(user.uuid && user.uuid === value.uuid) && ["uuid", "email", "phone_number"].some(differs)) return value;
    return { ...user, ...(differs("phone_number") && { sms_optin: undefined }), ...value };
  };
  // What the page says about its visitor, and where. Insider's tag may empty the queue: then the user is still known.
  const said = () => {
    const users = [window.InsiderQueue].flat().filter((entry) => entry?.type === "user" && entry.value);
    if (users.length) queued = users.reduce((user, { value }) => merge(user, value), {});
    const object = window.insider_object?.user;
    if (!object) return { user: queued, source: queued ? "InsiderQueue" : "" };
    return { user: object, source: queued ? "both" : "insider_object" };
  };
  // A page that takes the object away says nothing new.
  const isRefused = () => {
    const { user } = said();
    if (user) refused = user.gdpr_optin === false;
    return refused;
  };

  const look = () => {
    for (const watcher of watchers) watcher();
  };
  // Calls it now, every second and when the page changes.
  const watch = (watcher) => {
    if (!watchers.size) {
      // The controller also is the option of the listeners, by its signal. Leaving the page changes its visibility.
      stop = new AbortController();
      addEventListener("visibilitychange", look, stop);
      window.navigation?.addEventListener("currententrychange", look, stop);
      timer = setInterval(() => document.hidden || look(), 1000);
    }
    watchers.add(watcher);
    watcher();
  };
  const unwatch = (watcher) => {
    if (!watchers.delete(watcher) || watchers.size) return;
    stop.abort();
    clearInterval(timer);
  };

  // A script's options: data-name, or name in its address.
  const options = (script) => {
    const inAddress = new URL(script?.src || location).searchParams;
    return (name, otherwise = "") => script?.dataset[name] ?? inAddress.get(name) ?? otherwise;
  };
  // Runs it now, or with data-wait when the page allows it.
  const begin = (option, run) => watch(function runs() {
    allowed ||= window.assent?.allowed === true;
    if (!allowed && option("wait", null) !== null) return;
    unwatch(runs);
    run();
  });

  window[PAGE] = {
    identity, said, isRefused, look, watch, unwatch, options, begin,
    update(who) {
      [given, onPage] = [who, window.assent];
      look();
    },
    // One console line for one problem, however many scripts notice it and whatever their words are.
    say(line, key = line) {
      if (!lines.has(key)) console.error(`assent: ${line}`);
      lines.add(key);
    },
  };
  (window.Assent ??= {}).allow = () => {
    allowed = true;
    look();
  };
})();
