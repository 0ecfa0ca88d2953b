// Puts an opt-in form into a page:
//   <script src="https://consent.example.com/embed.js" data-form="FORM_KEY" async></script>
// The form appears in place of the script (in the head: at the end of the page), or in the element that data-target (a
// selector) names. data-theme is light or dark; without it the form follows the system. The form's messages arrive as
// DOM events on the frame: assent:ready, assent:height, assent:submitted, assent:verified, assent:error, each with the
// message as event.detail.
(() => {
  const script = document.currentScript;
  const form = script?.dataset.form;
  if (!form) {
    console.error("assent: the script needs data-form");
    return;
  }
  const home = new URL(script.src).origin;
  const address = new URL(`/f/form/${encodeURIComponent(form)}`, home);
  if (script.dataset.theme) address.searchParams.set("theme", script.dataset.theme);

  const frame = document.createElement("iframe");
  frame.title = script.dataset.title || "Sign up";
  frame.referrerPolicy = "strict-origin-when-cross-origin";
  Object.assign(frame.style, { border: "0", width: "100%", height: "420px", display: "block", colorScheme: "normal" });

  addEventListener("message", ({ data, origin, source }) => {
    if (origin !== home || source !== frame.contentWindow || data?.source !== "assent") return;
    if (data.type === "height" && data.height > 0) frame.style.height = `${data.height}px`;
    if (data.type === "ready" && data.title && !script.dataset.title) frame.title = data.title;
    frame.dispatchEvent(new CustomEvent(`assent:${data.type}`, { bubbles: true, detail: data }));
  });
  frame.addEventListener("load", () => {
    const page = location.origin + location.pathname;
    frame.contentWindow.postMessage({ source: "assent", version: 1, type: "hello", page }, home);
  });

  const isInHead = document.head.contains(script);
  const place = () => {
    const target = script.dataset.target && document.querySelector(script.dataset.target);
    if (target) target.append(frame);
    else if (isInHead) document.body.append(frame);
    else script.after(frame);
  };
  frame.src = address;
  const waits = isInHead || script.dataset.target;
  if (waits && document.readyState === "loading") addEventListener("DOMContentLoaded", place);
  else place();
})();
