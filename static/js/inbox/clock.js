// A worker: browsers let the timers of a page that was hidden for long run once a minute only, and a worker's on time.
let timer;
addEventListener("message", ({ data }) => {
  clearTimeout(timer);
  timer = setTimeout(() => postMessage("now"), data);
});
