// The switches of the preview load it in another language or for another message type. Without scripts a button does.

const switches = document.querySelector("[data-preview-switches]");
const frame = document.querySelector("iframe[name=preview]");

function fitHeight() {
  const page = frame.contentDocument?.querySelector("main");
  if (page) frame.height = Math.max(320, Math.ceil(page.getBoundingClientRect().bottom) + 16);
}

switches.querySelector("[data-update]").hidden = true;
for (const select of switches.querySelectorAll("select")) select.addEventListener("change", () => switches.requestSubmit());
for (const width of switches.querySelectorAll("input[type=radio]")) width.addEventListener("change", () => requestAnimationFrame(fitHeight));
frame.addEventListener("load", fitHeight);
addEventListener("resize", fitHeight);
fitHeight();
