// The editors of campaigns, outbound chats and bots. All of it works without scripts: then the button that checks loads the page again.

const form = document.querySelector("form[data-check]");
const PAUSE_MS = 300;
let timer;
let running;

// Says to a screen reader what the check found, when that is new: its mistake, or its number.
const said = document.createElement("p");
said.className = "visually-hidden";
said.setAttribute("role", "status");
const foundIn = (check) => check.querySelector("[data-said]")?.textContent.trim() ?? "";

// What the server says about what is typed, and how it looks.
async function check() {
  running?.abort();
  running = new AbortController();
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form), signal: running.signal });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("check");
    const place = document.getElementById("check");
    if (!next || place.contains(document.activeElement)) return;
    if (foundIn(next) !== foundIn(place)) said.textContent = foundIn(next);
    afterPress(place, () => place.replaceWith(next));
  } catch (error) {
    if (error.name !== "AbortError") showButton(true); // no network: the button still asks
  }
}

function checkSoon() {
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE_MS);
}

function showButton(isShown) {
  form.querySelector("[data-check-button]").parentElement.hidden = !isShown;
}

// Only the fields of the chosen option are shown (data-choice names the radio buttons), and the warning of the chosen type.
function show() {
  const chosen = form.querySelector(`[name=${form.dataset.choice}]:checked`)?.value;
  for (const part of form.querySelectorAll("[data-shown-for]")) part.hidden = !part.dataset.shownFor.split(" ").includes(chosen);
  for (const warning of form.querySelectorAll("[data-warning-of]")) {
    warning.hidden = warning.dataset.warningOf !== form.elements.subscription_type_id.value;
  }
}

// A variable is put where the cursor is.
function offerVariables() {
  for (const code of form.querySelectorAll("[data-variable]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-secondary button-small code";
    button.textContent = code.textContent;
    button.addEventListener("click", () => {
      const { body } = form.elements;
      body.setRangeText(code.textContent.replace("…", ""), body.selectionStart, body.selectionEnd, "end");
      body.focus();
      checkSoon();
    });
    code.replaceWith(button);
  }
}

// The value of a condition that needs none is hidden.
function hideUnused() {
  for (const operator of form.querySelectorAll("[data-operator]")) {
    const value = operator.parentElement.querySelector(`[name$="-value"]`);
    if (!value) continue;
    const toggle = () => { value.hidden = ["empty", "known", "yes", "no"].includes(operator.value); };
    operator.addEventListener("change", toggle);
    toggle();
  }
}

if (form) {
  form.after(said);
  showButton(false);
  form.addEventListener("input", checkSoon);
  form.addEventListener("change", () => { show(); checkSoon(); });
  show();
  offerVariables();
  hideUnused();
}
