// Improvements for the list of contacts. All of it works without scripts.

// The builder of the filter: its buttons load only the builder again.
const FILTER = "#filter";

async function load(form, button) {
  const values = new FormData(form, button);
  const address = `${form.action}?${new URLSearchParams(values)}`;
  if (button.value === "apply") return location.assign(address);
  form.inert = true; // what is typed now would be lost
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.assign(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const loaded = page.querySelector(FILTER);
  if (!loaded) return location.assign(address);
  document.querySelector(FILTER).replaceWith(loaded);
  begin(loaded);
  focusAfter(loaded, button.value);
}

// A new condition gets the focus; after a removal the field for a new one does.
function focusAfter(filter, act) {
  const [verb, place] = act.split(":");
  const rows = filter.querySelectorAll(".condition");
  let target = filter.querySelector("#new");
  if (verb === "add" && !place) target = [...rows].filter((row) => !row.closest(".condition-group")).at(-1)?.querySelector("select, textarea, input:not([type=hidden])") ?? target;
  if (verb === "add" && place) target = filter.querySelector(`[name="part-${place}-match"]`)?.closest("fieldset").querySelector(".condition:last-of-type :is(select, textarea, input:not([type=hidden]))") ?? target;
  target?.focus();
}

function begin(filter) {
  const form = filter?.querySelector("form");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    if (!event.submitter) return;
    event.preventDefault();
    load(form, event.submitter).catch(() => form.submit());
  });
  for (const operator of form.querySelectorAll("[data-operator]")) {
    const value = operator.parentElement.querySelector(`[name$="-value"]`);
    if (!value) continue;
    const show = () => { value.hidden = ["empty", "known", "yes", "no"].includes(operator.value); };
    operator.addEventListener("change", show);
    show();
  }
}

begin(document.querySelector(FILTER));

// The selection: how many are selected, and all of this page.
const bulk = document.querySelector("#bulk");
if (bulk) {
  const boxes = [...document.querySelectorAll('input[name="contact"][form="bulk"]')];
  const page = bulk.querySelector("#select-page");
  const all = bulk.querySelector("#select-all");
  const status = bulk.querySelector("[data-selected]");
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const show = () => {
    const count = boxes.filter((box) => box.checked).length;
    page.checked = count === boxes.length;
    page.indeterminate = count > 0 && count < boxes.length;
    status.textContent = all.checked ? status.dataset.all : count ? status.dataset.some.replace("%", number.format(count)) : status.dataset.none;
  };
  page.parentElement.hidden = false;
  page.addEventListener("change", () => {
    for (const box of boxes) box.checked = page.checked;
    show();
  });
  for (const box of [...boxes, all]) box.addEventListener("change", show);
  addEventListener("pageshow", show);
  show();
}

// An exact count that a job makes: looked at again until it is there.
const poll = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const count = page.querySelector("#count");
  const shown = document.querySelector("#count"); // stays, so that a screen reader says what changes in it
  if (count && shown.innerHTML !== count.innerHTML) shown.replaceChildren(...count.childNodes);
  if (count?.hasAttribute("data-poll")) setTimeout(poll, 2000);
};
if (document.querySelector("#count[data-poll]")) setTimeout(poll, 2000);
