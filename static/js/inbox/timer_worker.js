// A worker with a timer. Browsers slow down the timers of a hidden page to one a minute, but not those of a worker.
let timer;
addEventListener("message", ({ data }) => {
  clearTimeout(timer);
  timer = setTimeout(() => postMessage("due"), data);
});
